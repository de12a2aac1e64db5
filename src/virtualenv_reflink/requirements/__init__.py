"""From what a user asks for to wheel files."""
