"""Parts that compression stages of several families share."""
