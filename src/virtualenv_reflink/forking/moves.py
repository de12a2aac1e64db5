"""Where places have gone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from virtualenv_reflink.forking.quoting import AFTER, LANGUAGES, TEXT, Quoting


class Moves:
    """Places that are somewhere else now; of two that hold a path the inner one counts."""

    def __init__(self, places: Mapping[str, str]) -> None:
        """Take absolute paths, by where they were."""
        inner_first = sorted(places.items(), key=lambda pair: len(pair[0]), reverse=True)
        self._places = [(old, new) for old, new in inner_first if old != new]
        self._languages: dict[str, _Language] = {}

    def of(self, path: str) -> str:
        """Return where the absolute ``path`` is now."""
        for old, new in self._places:
            if path == old or path.startswith(f"{old}/"):
                return new + path[len(old) :]
        return path

    def place_at_start_of(self, text: str) -> str:
        """Return the old name of a place with which ``text`` starts, or nothing."""
        return next((old for old, _ in self._places if text.startswith(f"{old}/")), "")

    def in_text(self, text: bytes, language: str) -> bytes:
        """Return ``text`` with every path in it where it is now, quoted as ``language`` wants it."""
        return self._language(language).rewritten(text)

    def are_named_in(self, content: bytes) -> bool:
        """Return whether ``content`` holds the old name of a place as it is."""
        return self._language(TEXT).is_in(content)

    def _language(self, name: str) -> _Language:
        if name not in self._languages:
            self._languages[name] = _Language(self._places, LANGUAGES[name])
        return self._languages[name]


class _Language:
    """The same places as one language writes them."""

    def __init__(self, places: Sequence[tuple[str, str]], quotings: Sequence[Quoting]) -> None:
        ways = [(quoting, old, new) for old, new in places for quoting in quotings]
        self._written = [os.fsencode(quoting.read(old)) for quoting, old, _ in ways]
        self._now = [os.fsencode(quoting.write(new)) for quoting, _, new in ways]
        before = (quoting.before for quoting, _, _ in ways)
        found = (b"%s(%s)" % (start, re.escape(old)) for start, old in zip(before, self._written, strict=True))
        self._pattern = re.compile(b"(?:%s)%s" % (b"|".join(found), AFTER), re.MULTILINE)

    def is_in(self, content: bytes) -> bool:
        # most files name none, which this tells a hundred times as fast
        return any(old in content for old in self._written) and bool(self._pattern.search(content))

    def rewritten(self, text: bytes) -> bytes:
        if not any(old in text for old in self._written):
            return text
        return self._pattern.sub(lambda found: self._now[(found.lastindex or 1) - 1], text)
