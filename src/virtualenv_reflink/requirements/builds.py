"""Which wheels were built of which sources, so that nothing is built twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from virtualenv_reflink.requirements.build_environment import build_environment
from virtualenv_reflink.requirements.project_digest import project_digest

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts
    from virtualenv_reflink.cache.wheel_cache import WheelCache
    from virtualenv_reflink.requirements.lock import Locked

_KIND = "builds"


class Builds:
    """Remembers the wheels that were built of packages, for one interpreter and the same options."""

    def __init__(
        self,
        cache: WheelCache,
        facts: InterpreterFacts,
        index_options: Sequence[str],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Take the cache, the facts of the interpreter, and what else a build depends on."""
        self._cache = cache
        self._inputs = [
            [*index_options],
            [f"{name}={value}" for name, value in sorted(environ.items()) if name.startswith("PIP_")],
            *(facts.bytecode_tag, facts.wheel_tags[0], facts.markers),
        ]
        self._environ = environ

    def key(self, package: Locked) -> str | None:
        """Name what a build of a package depends on; None when that cannot be told, so that it is built every time."""
        inputs: list[object] = [package.source, *self._inputs]
        if package.origin:
            inputs += [package.origin.lines, package.origin.settings]
        if package.is_directory:
            content = project_digest(package.path) if package.path else None
            if content is None:
                return None
            inputs += [content, build_environment(self._environ)]
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()

    def find(self, package: Locked) -> str | None:
        """Return the SHA-256 of the wheel that was built of a package, or None."""
        key = self.key(package)
        return self._cache.read_shared_note(_KIND, key, str) if key else None

    def store(self, package: Locked, key_before: str | None, sha256: str) -> None:
        """Remember what was built of a package, unless that was changed while it was built."""
        if key_before and self.key(package) == key_before:
            self._cache.write_note(_KIND, key_before, sha256)
