"""Splits into train, valid and test, one file each."""
