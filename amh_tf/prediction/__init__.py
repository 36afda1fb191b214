"""One clip through a trained model."""
