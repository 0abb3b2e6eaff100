"""Every fault a plugin can have."""
