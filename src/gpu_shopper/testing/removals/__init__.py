"""Proof that the proof can fail: every safety rule is taken out of a copy of the code, and the simulator must notice.

`python -m gpu_shopper.testing.removals` tries them all; `python -m gpu_shopper.testing.removals R7` tries one.
"""
