"""Samplers of negatives, one file each."""
