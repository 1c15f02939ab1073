"""What the house needs from the world, as protocols that state their contracts."""
