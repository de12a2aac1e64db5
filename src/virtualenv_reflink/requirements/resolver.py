"""What every resolver is given, and what it promises."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from virtualenv_reflink.cache.interpreter import InterpreterFacts
from virtualenv_reflink.cache.wheel_cache import WheelCache

if TYPE_CHECKING:
    from virtualenv_reflink.requirements.lock import Lock
    from virtualenv_reflink.requirements.pip import Pip
    from virtualenv_reflink.requirements.reading import Reading


class Surroundings(NamedTuple):
    """What a resolver may need of the place that it resolves for.

    ``python`` is the interpreter of the environment, ``version`` its version, ``index_options`` are pip's options about
    indexes and builds, ``pip`` makes a pip ready to run, and ``on_line`` hears what a tool prints.
    """

    cache: WheelCache
    facts: InterpreterFacts
    python: Path
    version: tuple[int, int, int]
    index_options: Sequence[str]
    pip: Callable[[], "Pip"]
    on_line: Callable[[str], None]


class Resolver(Protocol):
    """Finds out which packages requirements come to, for one interpreter."""

    def __init__(self, surroundings: Surroundings) -> None: ...

    @property
    def identity(self) -> str:
        """The tool and its version: what is remembered of one is not the answer of another.

        :raises ReflinkError: when there is no such tool.
        """

    def resolve(self, reading: "Reading", search_path: Sequence[Path]) -> "Lock":
        """Return what is to be installed for a request that was read.

        What is installed on ``search_path`` counts; with none, the request is resolved as for an empty environment.

        :raises ResolveError: with the tool's own explanation, when there is no solution.
        :raises OptionError: when the tool cannot be told an option of pip.
        """
