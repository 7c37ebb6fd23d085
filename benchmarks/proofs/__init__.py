"""The long runs behind the claims; each plan has its last verdicts beside it."""
