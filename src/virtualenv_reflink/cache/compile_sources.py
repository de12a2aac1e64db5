"""Compile sources to bytecode; run as a script by the target interpreter, so it keeps to Python 3.8 and its library.

Reads a JSON list of ``[source, bytecode, name in tracebacks]`` and writes a JSON object: ``made`` lists the bytecode
files made, ``failed`` is null, or number and text of the error of the operating system that ended it.
"""

import errno
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
    except OSError as error:
        # bytecode has a longer name than its source
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise
    except Exception:
        return False
    return True


def main() -> None:
    """Compile what standard input lists."""
    jobs = json.load(sys.stdin)
    made = []  # type: list[str]
    failed = None
    try:
        made.extend(job[1] for job in jobs if compile_source(*job))
    except OSError as error:
        failed = [error.errno, error.strerror]
    json.dump({"made": made, "failed": failed}, sys.stdout)


if __name__ == "__main__":
    main()
