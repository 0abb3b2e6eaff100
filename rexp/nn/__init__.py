"""Building blocks for models: embedding tables, sparse matrices and what couples parameters."""
