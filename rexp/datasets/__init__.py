"""Data sets, one file each, and the readers of their files."""
