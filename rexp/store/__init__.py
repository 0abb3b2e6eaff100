"""Runs on disk: identity, artifacts, provenance; a result is there whole or not at all."""
