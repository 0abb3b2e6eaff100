"""Metrics, one definition each; every docstring holds the formula and where it comes from."""
