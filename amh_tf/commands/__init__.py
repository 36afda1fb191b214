"""The commands: how they start and fail, and the flags of each."""
