"""A change to an environment, whole or not at all."""
