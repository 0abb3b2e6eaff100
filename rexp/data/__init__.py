"""From files to an immutable, fingerprinted split: read, filter, split, prepare."""
