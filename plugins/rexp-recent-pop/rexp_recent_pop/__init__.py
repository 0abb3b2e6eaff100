"""Popularity with a half-life, a plugin of rexp."""
