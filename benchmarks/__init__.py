"""The lab beside its peers, side by side in one process."""
