"""``pipx-reflink``."""
