"""A whole recording through a trained model: segments of speech, and what it says of each."""
