"""The cloud that runs on this machine, seen through its HTTP API."""
