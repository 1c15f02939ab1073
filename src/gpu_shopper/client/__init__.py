"""The Python client: stands on the wire bodies alone."""
