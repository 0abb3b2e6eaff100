"""Cost of runs before they are made: memory, bytes on disk and seconds, from sizes and a short probe."""
