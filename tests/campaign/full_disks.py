from __future__ import annotations


def run(number, seed):
    yield from ()
