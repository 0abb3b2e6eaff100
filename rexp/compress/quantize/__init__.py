"""Embedding tables of fewer bits in the place of dense ones."""
