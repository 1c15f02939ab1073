"""Simulators of real clouds: each speaks its vendor's wire protocol, and behind each stands the one cloud that lies."""
