"""Types of data that everything downstream reads."""
