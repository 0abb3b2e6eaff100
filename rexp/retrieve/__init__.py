"""Finding candidates in an index of item vectors."""
