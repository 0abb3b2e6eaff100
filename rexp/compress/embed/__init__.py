"""Embedding tables with fewer parameters."""
