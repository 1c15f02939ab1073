"""The real clock, chance, logging, metrics, keys and probes behind the ports."""
