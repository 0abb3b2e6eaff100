"""Models, one file each; what several share begins with an underscore."""
