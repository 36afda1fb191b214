"""Scores of predictions, tests between models, and the figures of others."""
