"""A layer into an environment by one ``.pth`` line: all environments that have the layer share its files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import Layered
from virtualenv_reflink.environment.layer_state import LAYER_STATE
from virtualenv_reflink.layers.layer import Layer
from virtualenv_reflink.layers.mode import TreeMode
from virtualenv_reflink.layers.stamps import Origin, are_current, changed_directories, parse_stamps, stamps_of, text_of
from virtualenv_reflink.layers.startup import NAMES, add_start_file, startup_of
from virtualenv_reflink.layers.users import user_note
from virtualenv_reflink.placing.clone import Clone
from virtualenv_reflink.placing.copy import Copy
from virtualenv_reflink.placing.hardlink import Hardlink
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.transaction.errors import explained
from virtualenv_reflink.transaction.generated import Generated, write_file
from virtualenv_reflink.transaction.install import install_beside_layer, named
from virtualenv_reflink.transaction.steps import Steps
from virtualenv_reflink.transaction.supplied import SuppliedWheel
from virtualenv_reflink.transaction.transaction import Transaction


class PthLayer(TreeMode):
    """``layer``."""

    name = "layer"
    how = "one `.pth` line that adds the read-only packages of the cache, in constant time; memory is shared too"
    where = "everywhere"
    isolates = False
    shares_inodes = True
    built_with = (Hardlink, Clone, Copy)
    beside = (Hardlink, Clone, Copy)
    extends = False
    depends = True
    putting_commits = False

    def begin(self, tree: str, base: str | None) -> None:  # noqa: ARG002
        """Make a directory."""
        os.mkdir(tree)

    def complete(self, tree: Path, wheels: Sequence[SuppliedWheel], environment: Environment) -> None:
        """Add what processes ``.pth`` and ``.start`` files of the wheels."""
        add_start_file(tree, environment, compile_bytecode=any(supplied.bytecode for supplied in wheels))

    def seal(self, tree: str) -> None:
        """Take away the permission to write, which hard links to the cache do not have."""
        for directory, _, names in os.walk(tree):
            for name in names:
                path = f"{directory}/{name}"
                mode = os.stat(path).st_mode
                if mode & 0o222:
                    os.chmod(path, mode & 0o555)
            os.chmod(directory, os.stat(directory).st_mode & 0o555)

    def stamp(self, tree: str, origins: Mapping[str, Origin]) -> str:
        """Return the stamps of all directories and files."""
        return text_of(stamps_of(tree, origins))

    def is_unchanged(self, tree: str, stamp: str, proven_ns: Callable[[str], int]) -> bool:
        """Return whether the directories are as they were, and the files, or some of them where there are many."""
        return are_current(tree, parse_stamps(stamp), proven_ns)

    def suspects(self, tree: str, stamp: str, proven_ns: Callable[[str], int]) -> frozenset[str] | None:
        """Return the directories with other stamps: their files may just have got or lost links that nobody noted."""
        return changed_directories(tree, parse_stamps(stamp), proven_ns)

    def put(self, layer: Layer, environment: Environment, change: Transaction, placer: Placer) -> None:
        """Write the line, once all that goes with it is in place.

        What is installed into the environment itself later wins over the layer.
        """
        rows = install_beside_layer(layer.beside, environment, placer, change)
        files = {supplied.distribution: [path for path, _, _ in of_wheel] for supplied, of_wheel in rows}
        with explained(named(layer.beside), environment):
            leave_layer(environment, change)
            _enter_layer(Layered(layer.tree, files), environment, change)


def leave_layer(environment: Environment, change: Transaction) -> None:
    """Take the layer's packages out of an environment; files beside it stay.

    :raises OSError: when that fails.
    """
    change.set_aside({"": [f"{environment.purelib}/{name}" for name in (*NAMES, LAYER_STATE)]})


def keep_layer_without(
    distributions: Sequence[str], state: Layered, environment: Environment, change: Transaction
) -> None:
    """Let files beside the layer belong to the environment's own ``distributions`` from now on.

    :raises OSError: when that fails.
    """
    files = {name: paths for name, paths in state.files.items() if name not in distributions}
    leave_layer(environment, change)
    _enter_layer(Layered(state.tree, files), environment, change)


def _enter_layer(state: Layered, environment: Environment, change: Transaction) -> None:
    library = str(environment.purelib)
    files, links = startup_of(state.tree, environment, user_note(state.tree))
    files = {LAYER_STATE: _state_text(state.tree, state.files), **files}
    missing = [] if os.path.isdir(library) else [library]
    change.will(Steps(directories=missing, files=[(library, [*files, *links])]))
    for directory in missing:
        os.makedirs(directory)
    for name, target in links.items():
        os.symlink(target, f"{library}/{name}")
    for name, content in files.items():
        write_file(f"{library}/{name}", Generated("purelib", name, content))


def _state_text(tree: Path, files: Mapping[str, Sequence[str]]) -> bytes:
    return json.dumps({"layer": str(tree), "files": files}).encode("ascii")
