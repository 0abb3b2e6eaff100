"""Measuring a model: protocols, rankings and metrics."""
