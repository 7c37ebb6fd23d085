"""What all algorithms share: environments, networks, buffers, normalisation, checkpoints."""
