"""The resolvers that users choose from: a new one is a module of its own and a line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from virtualenv_reflink.requirements.resolver import Resolver, Surroundings

# A lazy boundary: where each resolver is, so that only what is chosen is imported. The first is the default.
_RESOLVERS = {
    "pip": "virtualenv_reflink.requirements.pip_resolver:PipResolver",
    "uv": "virtualenv_reflink.requirements.uv_resolver:UvResolver",
}

RESOLVERS = tuple(_RESOLVERS)
"""The names."""


def resolver(name: str, surroundings: Surroundings) -> Resolver:
    """Return the resolver of that name, one of :data:`RESOLVERS`, for an environment."""
    module, _, attribute = _RESOLVERS[name].partition(":")
    made: Resolver = getattr(import_module(module), attribute)(surroundings)
    return made
