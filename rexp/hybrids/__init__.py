"""Models whose parts are stored runs: fused, switched, stacked, reordered."""
