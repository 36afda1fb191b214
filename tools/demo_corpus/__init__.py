"""The parts of `tools/make_demo_corpus.py`."""
