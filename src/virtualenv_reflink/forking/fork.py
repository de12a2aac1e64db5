"""An environment into another one: the whole way."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.environment.layer_state import LAYER_STATE
from virtualenv_reflink.environment.lock import undisturbed
from virtualenv_reflink.errors import OptionError, TargetError
from virtualenv_reflink.forking.contents import Places
from virtualenv_reflink.forking.draft import check_new, drafted
from virtualenv_reflink.forking.moves import Moves
from virtualenv_reflink.forking.projects import moved_projects
from virtualenv_reflink.forking.repoint import Repointing
from virtualenv_reflink.forking.source import CONFIGURATION, Source, check_at_rest, find_source
from virtualenv_reflink.forking.tree import copy_tree
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.progress import Progress


class Fork(NamedTuple):
    """What came of a fork.

    ``outcome`` is how its files came, with warnings about what was left as it is. ``repointed`` are the files and links
    that name the new place now, and the RECORDs of them, relative to ``environment``. ``projects`` are the places of
    projects that it refers to, by those that the source does. ``written`` is how many bytes of data it does not share.
    """

    environment: Path
    outcome: Outcome
    repointed: tuple[str, ...]
    projects: Mapping[Path, Path]
    written: int
    seconds: float


def fork(
    env: str | os.PathLike[str],
    new: str | os.PathLike[str],
    *,
    moved: Mapping[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
    progress: Progress | None = None,
    on_wait: Callable[[str], None] = lambda _: None,
) -> Fork:
    """Make ``new`` a complete, separate copy of the virtual environment ``env``, whoever made that.

    Where the kernel can, data is shared until either side is written. What names the old place names the new one.
    Projects beside ``env`` are taken from the same place beside ``new`` if they are there; ``moved`` tells the places
    of others, by what they were. ``new`` is there whole or not at all.

    ``env`` is only read, and may be in use. An installation of ours into it is waited for, and ``on_wait`` told so.

    :raises TargetError: when ``env`` cannot be forked, or not to ``new``.
    :raises OptionError: when a place in ``moved`` does not exist.
    """
    started = time.monotonic()
    source = find_source(os.fspath(env))
    place = os.path.abspath(os.fspath(new))
    check_new(place, source)
    own = {**_explicit(moved or {}), **dict.fromkeys(source.names, place)}
    try:
        with undisturbed(Path(source.root), on_wait):
            check_at_rest(source)
            with drafted(place, on_wait) as draft:
                made = _make(source, draft, place, own, progress or Progress())
    except OSError as error:
        raise TargetError(
            f"{source.root} cannot be forked to {place}: {error.filename or place}: {error.strerror or error}; "
            "nothing of the fork was left"
        ) from error
    return made._replace(seconds=time.monotonic() - started)


def _make(source: Source, draft: str, place: str, own: Mapping[str, str], progress: Progress) -> Fork:
    """Fill the draft; what makes it an environment comes last."""
    tree = copy_tree(source.root, draft, source.libraries, frozenset({CONFIGURATION}), progress)
    projects = moved_projects(source, place)
    repointing = Repointing(source, draft, Places(Moves(own), Moves({**projects, **own})))
    with progress.stage("Re-pointing files"):
        repointing.repoint(tree.links)
    _register(draft, source.libraries, place)
    repointing.write_configuration()
    for directory, mode in tree.modes.items():
        os.chmod(directory, mode)
    return Fork(
        environment=Path(place),
        outcome=tree.outcome._replace(warnings=(*repointing.warnings, *map(_passed_over, tree.passed_over))),
        repointed=tuple(repointing.files),
        projects={Path(old): Path(new) for old, new in projects.items()},
        written=repointing.written + tree.copied_bytes(draft),
        seconds=0,
    )


def _register(draft: str, libraries: Sequence[str], place: str) -> None:
    """Tell the cache of a layer that one more environment needs it."""
    for library in libraries:
        if os.path.exists(f"{draft}/{library}/{LAYER_STATE}"):
            # a lazy boundary: few environments are on a layer
            from virtualenv_reflink.environment.installed import layer_of
            from virtualenv_reflink.layers.users import register_copy

            state = layer_of(Path(draft, library))
            if state and state.tree.is_dir():
                register_copy(state.tree, Path(place))


def _explicit(moved: Mapping[str | os.PathLike[str], str | os.PathLike[str]]) -> dict[str, str]:
    """Return places by all their names.

    :raises OptionError: when one does not exist.
    """
    places = {os.path.abspath(os.fspath(old)): os.path.abspath(os.fspath(new)) for old, new in moved.items()}
    for new in places.values():
        if not os.path.exists(new):
            raise OptionError(f"there is nothing at {new}, to which something is said to have moved")
    return {**{os.path.realpath(old): new for old, new in places.items()}, **places}


def _passed_over(path: str) -> str:
    return f"{path} is neither file, directory nor link, and was not copied"
