"""From raw sound and picture to the arrays that a model reads."""
