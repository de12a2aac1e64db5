"""What the cache must know of a target interpreter, asked once and remembered."""

import importlib.util
import json
import subprocess
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.errors import ReflinkError

# Run by the target, in isolated mode; packaging comes from beside us, after the target's own library.
_QUESTION = """
import importlib.util, json, sys
sys.path.append(sys.argv[1])
from packaging.markers import default_environment
from packaging.tags import sys_tags
print(json.dumps({
    "bytecode_tag": "%s-%s" % (sys.implementation.cache_tag, importlib.util.MAGIC_NUMBER.hex()),
    "wheel_tags": [str(tag) for tag in sys_tags()],
    "markers": default_environment(),
}))
"""


class InterpreterFacts(NamedTuple):
    """The name of an interpreter's bytecode format, the wheel tags it supports, best first (PEP 425), and its markers.

    Markers are the values of the dependency specifiers specification (PEP 508).
    """

    bytecode_tag: str
    wheel_tags: list[str]
    markers: dict[str, str]


def ask_interpreter(executable: Path) -> str:
    """Run ``executable`` and return its facts as text, to be read with :func:`parse_facts`.

    :raises ReflinkError: when it does not run.
    """
    spec = importlib.util.find_spec("packaging")
    if spec is None or spec.origin is None:
        raise ReflinkError("packaging is not installed beside virtualenv-reflink; install it again")
    site = str(Path(spec.origin).parent.parent)
    command = [str(executable), "-I", "-S", "-c", _QUESTION, site]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", None) or str(error)
        raise ReflinkError(f"the interpreter {executable} does not run: {detail.strip().splitlines()[-1]}") from error
    return done.stdout


def parse_facts(text: str) -> InterpreterFacts:
    """Read what :func:`ask_interpreter` returned."""
    return InterpreterFacts(**json.loads(text))
