"""What runs an algorithm: compiled loops, or torch."""
