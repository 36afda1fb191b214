"""Trained models for deployment: SavedModels for servers and for devices."""
