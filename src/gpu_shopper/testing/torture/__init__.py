"""The torture rig: the real programs under real blows, judged by the kernel and the cloud's own ledger."""
