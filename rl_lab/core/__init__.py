"""The ground floor: the perceptron, and networks of perceptrons in layers over one flat float32 buffer."""
