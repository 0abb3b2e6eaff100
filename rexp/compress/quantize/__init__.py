"""Embedding tables and layers with fewer bits."""
