"""Texts of items as vectors, a plugin of rexp."""
