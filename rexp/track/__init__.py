"""Trackers: where a run's numbers are sent beside the store, which alone is the truth."""
