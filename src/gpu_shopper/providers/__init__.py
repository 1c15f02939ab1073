"""The clouds, one small folder each; none knows another."""
