"""What a run is: its folder, its settings, its model and its results."""
