"""Trackers that copy a run's numbers elsewhere; the store alone is authoritative."""
