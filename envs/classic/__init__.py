"""Classic control problems."""
