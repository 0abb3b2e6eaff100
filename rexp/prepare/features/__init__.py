"""Columns of users, items and contexts as features, fitted on the training part alone."""
