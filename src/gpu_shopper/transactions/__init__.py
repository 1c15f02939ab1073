"""FLOOR 2: what commands and engine both write into the book. Plain functions over a Book: they cannot await."""
