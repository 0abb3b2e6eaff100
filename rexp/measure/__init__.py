"""Cost of a model as deployed: sizes, multiply-adds and latency."""
