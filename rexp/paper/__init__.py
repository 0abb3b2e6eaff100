"""Published tables as files that run: what a paper printed, the runs that make it here, and whether they agree."""
