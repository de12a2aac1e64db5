"""Kills, power cuts, full disks and damaged input, at length: ``python -m tests.campaign``."""
