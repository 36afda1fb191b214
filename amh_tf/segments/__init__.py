"""Files that say who speaks when, and what: read and written."""
