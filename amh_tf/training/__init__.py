"""The training loop, its checkpoints, and the scores and files of a run."""
