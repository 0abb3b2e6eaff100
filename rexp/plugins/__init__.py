"""Plugins: discovery, typed options, code versions and faults."""
