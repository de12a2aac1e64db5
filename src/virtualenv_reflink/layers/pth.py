"""A layer into an environment by one ``.pth`` line: all environments that have the layer share its files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import LAYER_STATE, Layered
from virtualenv_reflink.layers.layer import Layer
from virtualenv_reflink.layers.mode import TreeMode
from virtualenv_reflink.placing.clone import Clone
from virtualenv_reflink.placing.copy import Copy
from virtualenv_reflink.placing.hardlink import Hardlink
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.transaction.errors import explained
from virtualenv_reflink.transaction.generated import Generated, write_file
from virtualenv_reflink.transaction.install import install_beside_layer, named
from virtualenv_reflink.transaction.steps import Steps
from virtualenv_reflink.transaction.transaction import Transaction

PTH_NAME = "_virtualenv_reflink_layer.pth"

# site runs a line that begins with "import", in virtual environments twice. Python must start without the layer too.
_PTH = (
    "import os, site, sys; layer = {layer}; "
    "getattr(sys, '_virtualenv_reflink_layer', '') == layer or (setattr(sys, '_virtualenv_reflink_layer', layer), "
    "site.addsitedir(layer) if os.path.isdir(layer) else sys.stderr.write("
    "'virtualenv-reflink: the layer ' + layer + ' of this environment is missing; create the environment again\\n'))\n"
)


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

    def begin(self, tree: str, base: str | None) -> None:  # noqa: ARG002
        """Make a directory."""
        os.mkdir(tree)

    def seal(self, tree: str) -> None:
        """Take away the permission to write, which hard links to the cache do not have."""
        for directory, _, names in os.walk(tree):
            for name in names:
                path = f"{directory}/{name}"
                mode = os.stat(path).st_mode
                if mode & 0o222:
                    os.chmod(path, mode & 0o555)
            os.chmod(directory, os.stat(directory).st_mode & 0o555)

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
    change.set_aside({"": [f"{environment.purelib}/{name}" for name in (PTH_NAME, LAYER_STATE)]})


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
    contents = {LAYER_STATE: _state_text(state.tree, state.files), PTH_NAME: _PTH.format(layer=ascii(str(state.tree)))}
    missing = [] if os.path.isdir(library) else [library]
    change.will(Steps(directories=missing, files=[(library, list(contents))]))
    for directory in missing:
        os.makedirs(directory)
    for name, text in contents.items():
        write_file(f"{library}/{name}", Generated("purelib", name, text.encode("ascii")))


def _state_text(tree: object, files: Mapping[str, Sequence[str]]) -> str:
    return json.dumps({"layer": str(tree), "files": files})
