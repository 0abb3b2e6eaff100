"""Tables: pure functions of stored results; nothing here imports torch."""
