"""Stages of compression: what makes a model smaller, faster, or better at its size."""
