"""Reads and shapes what the book knows; never writes."""
