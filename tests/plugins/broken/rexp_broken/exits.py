"""Ends the process when imported."""

import sys

sys.exit("no licence")
