"""Layers: what they are, how they are built, who uses them, and how one comes into an environment."""
