"""Puts the two wings of the house together: the only module that knows both."""
