"""Cross-validations gathered into the paper's tables, pictures and a page."""
