"""A cloud of its own that rents out real processes on this machine."""
