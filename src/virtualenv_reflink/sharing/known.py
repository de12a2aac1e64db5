"""Where tools keep the environments that they do not keep with a project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

Environ = Mapping[str, str]


def known_places(environ: Environ) -> list[Path]:
    """Return those of the places where tools keep environments, as variables or their documentation say, that exist."""
    found = [place.expanduser() for of_tool in _PLACES for place in of_tool(environ)]
    return [place for place in dict.fromkeys(found) if place.is_dir()]


def _pipx(environ: Environ) -> list[Path]:
    if home := environ.get("PIPX_HOME"):
        return [Path(home, "venvs")]
    return [Path("~/.local/pipx/venvs"), user_data_path("pipx", appauthor=False) / "venvs"]


def _poetry(environ: Environ) -> list[Path]:
    if place := environ.get("POETRY_VIRTUALENVS_PATH"):
        return [Path(place)]
    cache = environ.get("POETRY_CACHE_DIR")
    return [(Path(cache) if cache else user_cache_path("pypoetry", appauthor=False)) / "virtualenvs"]


def _hatch(environ: Environ) -> list[Path]:
    data = environ.get("HATCH_DATA_DIR")
    return [(Path(data) if data else user_data_path("hatch", appauthor=False)) / "env"]


def _virtualenvwrapper(environ: Environ) -> list[Path]:
    """Return the place of virtualenvwrapper, which Pipenv uses too if it is set, and that of Pipenv."""
    if home := environ.get("WORKON_HOME"):
        return [Path(home)]
    return [Path("~/.virtualenvs"), Path("~/.local/share/virtualenvs")]


def _pdm(_: Environ) -> list[Path]:
    return [user_data_path("pdm", appauthor=False) / "venvs"]


def _uv(environ: Environ) -> list[Path]:
    tools = environ.get("UV_TOOL_DIR")
    return [Path(tools) if tools else user_data_path("uv", appauthor=False) / "tools"]


_PLACES: tuple[Callable[[Environ], list[Path]], ...] = (_pipx, _poetry, _hatch, _virtualenvwrapper, _pdm, _uv)
