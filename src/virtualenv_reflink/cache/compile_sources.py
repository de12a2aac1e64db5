"""Compile sources to bytecode; run as a script by the target interpreter, so it keeps to Python 3.8 and its library.

Reads a JSON list of ``[source, bytecode, name in tracebacks]`` and writes the JSON list of the bytecode files made.
"""

import json
import os
import py_compile
import sys


def compile_source(source: str, bytecode: str, name: str) -> bool:
    """Return whether it compiled; a source that is not valid for this Python is as uncompiled as pip leaves it."""
    os.makedirs(os.path.dirname(bytecode), exist_ok=True)
    try:
        mode = py_compile.PycInvalidationMode.TIMESTAMP
        py_compile.compile(source, cfile=bytecode, dfile=name, doraise=True, invalidation_mode=mode)
    except OSError:
        raise
    except Exception:
        return False
    return True


def main() -> None:
    """Compile what standard input lists."""
    jobs = json.load(sys.stdin)
    json.dump([job[1] for job in jobs if compile_source(*job)], sys.stdout)


if __name__ == "__main__":
    main()
