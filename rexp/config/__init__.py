"""Configuration of one job, typed."""
