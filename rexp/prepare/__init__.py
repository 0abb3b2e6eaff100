"""Preparation of a data set: filters, ids, the split and its cache."""
