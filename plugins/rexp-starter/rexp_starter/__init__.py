"""One plugin of each kind that is neither a model nor a loss, against ``rexp.api`` alone."""
