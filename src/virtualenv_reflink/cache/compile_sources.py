"""Compile sources to bytecode; run as a script by the target interpreter, so it keeps to Python 3.8 and its library.

Reads lines, each a JSON object: ``jobs`` lists ``[source, bytecode, name in tracebacks]``, ``mtime_ns`` and ``mode``
are what the bytecode files get, and ``reserve_below`` is the size in bytes below which one gets a block of its own.
Answers each with a JSON object on a line: ``made`` has size in bytes and SHA-256 of each bytecode file made, ``failed``
is null, or number and text of the error of the operating system that ended it. When its input ends it is no longer
wanted, and ends at once.
"""

import errno
import hashlib
import json
import marshal
import os
import queue
import sys
import threading
from contextlib import suppress
from importlib.util import MAGIC_NUMBER

# NAME_MAX of Linux's filesystems, macOS and Windows, see limits.h(0p); and what importlib appends to the name while it
# writes: ".", and a number
_LONGEST_NAME = 255 - len(f".{id(MAGIC_NUMBER)}")


class Compiler:
    """Compiles what one line lists."""

    def __init__(self, request: "dict[str, int]") -> None:
        self._mtime_ns = request["mtime_ns"]
        self._mode = request["mode"]
        self._reserve_below = request["reserve_below"]
        self._directories = set()  # type: set[str]

    def compile(self, source: str, bytecode: str, name: str) -> "tuple[int, str] | None":
        """Return size and SHA-256 of the bytecode, or None for a source that is not valid here, as pip does."""
        # where importlib could write none, pip leaves none
        if len(os.fsencode(os.path.basename(bytecode))) > _LONGEST_NAME:
            return None
        try:
            content = bytecode_of(source, name)
            self._write(bytecode, content)
        except OSError as error:
            # bytecode has a longer name than its source
            if error.errno == errno.ENAMETOOLONG:
                return None
            raise
        except Exception:
            return None
        return len(content), hashlib.sha256(content).hexdigest()

    def _write(self, bytecode: str, content: bytes) -> None:
        directory = os.path.dirname(bytecode)
        if directory not in self._directories:
            os.makedirs(directory, exist_ok=True)
            self._directories.add(directory)
        with open(bytecode, "xb", buffering=0) as stream:
            if len(content) < self._reserve_below:
                reserve(stream.fileno(), len(content))
            view = memoryview(content)
            while view:
                view = view[stream.write(view) :]
        os.utime(bytecode, ns=(self._mtime_ns, self._mtime_ns))
        os.chmod(bytecode, self._mode)


def bytecode_of(source: str, name: str) -> bytes:
    """Return bytecode that is invalidated by its source's mtime and size, as py_compile makes it (PEP 552)."""
    with open(source, "rb", buffering=0) as stream:
        # as importlib rounds it
        mtime = int(os.fstat(stream.fileno()).st_mtime)
        text = stream.read()
    code = compile(text, name, "exec", dont_inherit=True)
    header = b"".join((field & 0xFFFFFFFF).to_bytes(4, "little") for field in (0, mtime, len(text)))
    return MAGIC_NUMBER + header + marshal.dumps(code)


def reserve(fd: int, size: int) -> None:
    """Give a file a block of its own, see posix_fallocate(3); where that fails nothing is lost."""
    with suppress(AttributeError, OSError):
        os.posix_fallocate(fd, 0, size)


def answer(line: str) -> str:
    """Compile what a line lists."""
    request = json.loads(line)
    compiler = Compiler(request)
    made = {}
    failed = None
    try:
        for source, bytecode, name in request["jobs"]:
            facts = compiler.compile(source, bytecode, name)
            if facts:
                made[bytecode] = facts
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
