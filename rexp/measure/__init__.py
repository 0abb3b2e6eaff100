"""What a model costs: sizes, multiply-adds and latency, of what would be shipped."""
