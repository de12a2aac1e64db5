"""The same commands for pip and for us, and what then differs between two environments."""
