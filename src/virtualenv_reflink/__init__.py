"""Unpack every wheel once, then put it into each environment without copying it."""
