"""What the cache must know of a target interpreter, asked once and remembered."""

import json
from pathlib import Path
from typing import NamedTuple


class InterpreterFacts(NamedTuple):
    """How an interpreter names bytecode, the wheel tags it supports, best first (PEP 425), and its markers.

    ``cache_tag`` is in the names of its bytecode files (PEP 3147). ``bytecode_tag`` also tells apart interpreters that
    can load each other's bytecode and compile in different ways. Markers are the values of the dependency specifiers
    specification (PEP 508).
    """

    cache_tag: str
    bytecode_tag: str
    wheel_tags: list[str]
    markers: dict[str, str]


def ask_interpreter(executable: Path) -> str:
    """Run ``executable`` and return its facts as text, to be read with :func:`parse_facts`.

    :raises TargetError: when it does not run.
    """
    # an interpreter is asked once, and what its answer means is remembered
    from virtualenv_reflink.cache.question import Question
    from virtualenv_reflink.cache.wheel_tags import wheel_tags

    code = Path(__file__).with_name("raw_facts.py").read_text(encoding="utf-8")
    raw = Question(executable, f"{code}\nanswer = raw_facts()", ("-I", "-S")).answer()
    markers = raw["markers"]
    bytecode_tag = "-".join((raw["cache_tag"], raw["magic_number"], markers["implementation_version"]))
    return json.dumps(InterpreterFacts(raw["cache_tag"], bytecode_tag, wheel_tags(raw), markers)._asdict())


def parse_facts(text: str) -> InterpreterFacts:
    """Read what :func:`ask_interpreter` returned."""
    return InterpreterFacts(**json.loads(text))
