"""The bodies that travel on the network, parsed strictly."""
