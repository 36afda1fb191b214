"""Speech recognizers behind `amh_tf.features.transcribe`, each in need of its own extra.

A module has a class `Recognizer(**settings)` with `description`, what tells it from another in
results, and `__call__(samples)`, which takes 16-bit samples at 16 kHz and returns text.
"""
