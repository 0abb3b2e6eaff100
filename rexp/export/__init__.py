"""A finished run's model, as other runtimes read it."""
