"""What an environment is and what it holds: its interpreter, its scheme, its distributions, its scripts."""
