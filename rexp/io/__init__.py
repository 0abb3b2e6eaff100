"""Reading and writing: atomic files, content hashes, locks, YAML, and text for terminals."""
