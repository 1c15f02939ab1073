"""Writes what is asked for and returns at once."""
