"""Evaluation protocols: full ranking, given or drawn candidates, two stages, and labeled rows."""
