"""Plugins that each break one rule, which their docstring names, and the right ones that they are made from."""
