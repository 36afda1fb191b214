"""What leaks from the training part of a split to its test part."""
