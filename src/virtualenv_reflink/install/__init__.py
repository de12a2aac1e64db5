"""Unpacked wheels into an environment: files in the link mode, scripts, RECORD."""
