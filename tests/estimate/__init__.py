"""What runs will cost."""
