"""The node agent: standard library only, runs on the rented machine."""
