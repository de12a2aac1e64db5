"""The wheel cache: every wheel unpacked once, its bytecode beside it."""
