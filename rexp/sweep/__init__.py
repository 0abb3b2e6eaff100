"""Sweeps: a ledger of every job, answered from the store where it can be, launched where it must be."""
