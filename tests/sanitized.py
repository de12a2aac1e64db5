"""Run tests with the run-time libraries of gcc's sanitizers, for a compiled part that was built with them."""

from __future__ import annotations

import os
import subprocess
import sys


def main(arguments: list[str]) -> None:
    """Become pytest; a fault that a sanitizer finds ends the process."""
    libraries = [_library(name) for name in ("libasan.so", "libubsan.so")]
    environ = {
        **os.environ,
        "LD_PRELOAD": ":".join(libraries),
        # what Python keeps until its end is no leak of ours, and its own allocator would hide errors
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
    }
    command = [sys.executable, "-m", "pytest", "--numprocesses=0", *arguments]
    os.execve(sys.executable, command, environ)


def _library(name: str) -> str:
    command = [os.environ.get("CC", "gcc"), f"-print-file-name={name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1:])
