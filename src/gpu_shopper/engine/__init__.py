"""Makes the world match the book, one step of one row at a time."""
