"""A mixed fleet of all simulated vendors, run for real: `python -m gpu_shopper.testing.fleet`."""
