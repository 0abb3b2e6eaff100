"""Everything that knows Hydra: composition, overrides, config sources and error messages."""
