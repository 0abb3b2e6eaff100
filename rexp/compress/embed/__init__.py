"""Embedding tables of fewer parameters in the place of dense ones."""
