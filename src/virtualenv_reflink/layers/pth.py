"""A layer into an environment by one ``.pth`` line: the layer's files are shared by all environments that have it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import LAYER_STATE, Layered
from virtualenv_reflink.errors import InstallError
from virtualenv_reflink.layers.layer import Layer
from virtualenv_reflink.placing.linking import Linker
from virtualenv_reflink.transaction.install import Completed, complete

PTH_NAME = "_virtualenv_reflink_layer.pth"

# site runs a line that begins with "import", in virtual environments twice; a layer that has gone must not keep Python
# from starting.
_PTH = (
    "import os, site, sys; layer = {layer!r}; "
    "getattr(sys, '_virtualenv_reflink_layer', '') == layer or (setattr(sys, '_virtualenv_reflink_layer', layer), "
    "site.addsitedir(layer) if os.path.isdir(layer) else sys.stderr.write("
    "'virtualenv-reflink: the layer ' + layer + ' of this environment has gone; {advice}\\n'))\n"
)
_ADVICE = "make the environment anew"


def install_layer(layer: Layer, environment: Environment, linker: Linker) -> None:
    """Give an environment the packages of ``layer``, and the scripts that go with them.

    What is installed into the environment itself later wins over the layer. When this fails the environment is as it
    was before.

    :raises InstallError: when a file is in the way or the disk is full.
    """
    library = environment.purelib
    made = [library / PTH_NAME, library / LAYER_STATE]

    def record(completed: Sequence[Completed]) -> None:
        files = {
            item.wheel.metadata.distribution: [os.path.normpath(f"{library}/{path}") for path, _, _ in rows]
            for item, rows in completed
        }
        made[1].write_text(json.dumps({"layer": str(layer.tree), "files": files}), encoding="utf-8")
        made[0].write_text(_PTH.format(layer=str(layer.tree), advice=_ADVICE), encoding="utf-8")

    try:
        library.mkdir(parents=True, exist_ok=True)
        complete(layer.rest, environment, linker, record)
    except BaseException as error:
        for path in made:
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise InstallError(f"nothing was installed into {environment.root}: {error.strerror}") from error
        raise


def leave_layer(environment: Environment) -> None:
    """Take the layer's packages out of an environment; files beside it stay."""
    for name in (PTH_NAME, LAYER_STATE):
        (environment.purelib / name).unlink(missing_ok=True)


def forget_files(environment: Environment, state: Layered, distributions: set[str]) -> None:
    """Note that files beside the layer now belong to the environment's own ``distributions``."""
    files = {name: paths for name, paths in state.files.items() if name not in distributions}
    text = json.dumps({"layer": str(state.tree), "files": files})
    (environment.purelib / LAYER_STATE).write_text(text, encoding="utf-8")
