"""Recommendations from a stored run."""
