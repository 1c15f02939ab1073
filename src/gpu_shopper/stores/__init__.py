"""The books in SQL."""
