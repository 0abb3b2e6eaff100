"""Tuning: a search for the best values of some keys, chosen on the validation part."""
