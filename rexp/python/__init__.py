"""What ``import rexp`` offers a program or a notebook."""
