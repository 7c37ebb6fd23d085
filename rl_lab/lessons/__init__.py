"""What the modules learn from real data: each lesson asks a question, measures the answer and draws it."""
