"""One experiment: teachers, steps and measurement, from a typed job to a stored result."""
