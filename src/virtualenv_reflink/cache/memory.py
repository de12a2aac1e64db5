"""What a cache remembers beside wheels: facts that need not be found out again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from virtualenv_reflink.cache.memo import memoized
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.errors import TargetError

if TYPE_CHECKING:
    from virtualenv_reflink.cache.base_caches import BaseCaches
    from virtualenv_reflink.cache.interpreter import InterpreterFacts

_Value = TypeVar("_Value")


class Memory:
    """Facts and notes, kept in a cache; base caches may know more of them."""

    def __init__(self, store: Store, bases: BaseCaches | None) -> None:
        self.store = store
        """Where all of it is kept, for those who take care of it."""
        self._bases = bases

    def facts(self, executable: Path) -> InterpreterFacts:
        """Return what there is to know of an interpreter, asking it if that was never done.

        :raises TargetError: when it is missing or does not run.
        """
        from virtualenv_reflink.cache.interpreter import ask_interpreter, parse_facts

        try:
            return memoized(self.store, "interpreters", executable, ask_interpreter, parse_facts)
        except OSError as error:
            raise TargetError(f"the interpreter {executable} cannot be used: {error.strerror}") from error

    def fact_of_file(
        self, kind: str, subject: Path, compute: Callable[[Path], str], parse: Callable[[str], _Value]
    ) -> _Value:
        """Return what ``parse`` makes of ``compute(subject)``, computed once for the very same file.

        A text kept under ``kind`` of which it can make nothing counts as absent.

        :raises OSError: when ``subject`` cannot be read.
        """
        return memoized(self.store, kind, subject, compute, parse)

    def read_note(self, kind: str, key: str, parse: Callable[[str], _Value]) -> _Value | None:
        """Return what ``parse`` makes of what is kept under ``kind`` and ``key``; None if that is nothing."""
        return self.store.read_note(kind, key, parse)

    def read_shared_note(self, kind: str, key: str, parse: Callable[[str], _Value]) -> _Value | None:
        """Do as :meth:`read_note` for what is true everywhere, so that a base cache may know it."""
        known = self.read_note(kind, key, parse)
        if known is None and self._bases is not None:
            return self._bases.read_note(kind, key, parse)
        return known

    def write_note(self, kind: str, key: str, text: str) -> None:
        """Write a text for :meth:`read_note`; a cache that cannot be written merely forgets it."""
        self.store.write_note(kind, key, text)
