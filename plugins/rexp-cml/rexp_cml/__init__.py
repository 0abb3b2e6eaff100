"""Collaborative Metric Learning, a plugin of rexp."""
