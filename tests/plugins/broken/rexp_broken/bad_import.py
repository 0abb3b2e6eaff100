"""Fails when imported, on two lines."""

raise RuntimeError("the weights of this model\nhave moved")
