"""Features of raw recordings: sound, words, pictures."""
