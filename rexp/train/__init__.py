"""Training: one fit, its batches, callbacks and checkpoints."""
