"""Compile sources to bytecode; run as a script by the target interpreter, so it keeps to Python 3.8 and its library.

Reads lines, each a JSON list of ``[source, bytecode, name in tracebacks]``, and answers each with a JSON object on a
line: ``made`` lists the bytecode files made, ``failed`` is null, or number and text of the error of the operating
system that ended it. When its input ends it is no longer wanted, and ends at once.
"""

import errno
import json
import os
import py_compile
import queue
import sys
import threading


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


def answer(line: str) -> str:
    """Compile what a line lists."""
    made = []  # type: list[str]
    failed = None
    try:
        made.extend(job[1] for job in json.loads(line) if compile_source(*job))
    except OSError as error:
        failed = [error.errno, error.strerror]
    return json.dumps({"made": made, "failed": failed})


def main() -> None:
    """Compile what standard input lists, until that ends."""
    lines = queue.Queue()  # type: queue.Queue[str]

    def read() -> None:
        for line in iter(sys.stdin.readline, ""):
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        sys.stdout.write(answer(lines.get()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
