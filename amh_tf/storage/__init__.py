"""Data sets in object stores, and the cache into which they are fetched."""
