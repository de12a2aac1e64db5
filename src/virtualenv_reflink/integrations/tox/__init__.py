"""``runner = reflink``."""
