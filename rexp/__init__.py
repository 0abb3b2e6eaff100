"""rexp: distil and compress recommenders, and measure what it costs and what it keeps."""

__version__ = "0.1.0"
