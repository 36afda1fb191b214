"""Measures training and inference against peers and against the machine's own limit."""
