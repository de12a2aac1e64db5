"""What an interpreter reads when it starts, so that it finds a layer.

Up to Python 3.14 that is an ``import`` line of a ``.pth`` file. From 3.15 on such lines run when all paths are in
place, and later not at all (PEP 829), so there it is a path line. Of a missing path site itself tells in one line.

A path line makes no site directory. Where a layer holds ``.pth`` or ``.start`` files itself, a ``.start`` file has them
processed. It is a symbolic link to the layer's, so that nothing is run where the layer is missing.
"""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.errors import ReflinkError

PTH = "_virtualenv_reflink_layer.pth"
_START = "_virtualenv_reflink_layer.start"
_LINK = "_virtualenv_reflink_layer"
NAMES = (PTH, _START, _LINK)
"""What may be in an environment's site-packages."""

_FIRST_WITH_START_FILES = (3, 15)

# In virtual environments site reads the line twice. Python must start without the layer too.
_IMPORT_LINE = (
    "import os, site, sys; layer = os.fsdecode({layer!r}); "
    "getattr(sys, '_virtualenv_reflink_layer', '') == layer or (setattr(sys, '_virtualenv_reflink_layer', layer), "
    "site.addsitedir(layer) if os.path.isdir(layer) else sys.stderr.write("
    "'virtualenv-reflink: the layer ' + layer + ' of this environment is missing; create the environment again\\n'))\n"
)

# A moved or copied environment tells the cache where it is now, so that its layer is not taken for waste. It looks each
# time it starts, as anybody may have forgotten it; where it never moved, that is one comparison.
_MOVED_LINE = "import os, sys; sys.prefix == os.fsdecode({root!r}) or exec({register!r})\n"
_REGISTER = """\
place = os.path.realpath(sys.prefix)
try:
    status = os.stat(place)
    note = "%s-%x.%x" % (os.fsdecode({note!r}), status.st_dev, status.st_ino)
    known = None
    if os.path.isfile(note):
        with open(note, "rb") as stream:
            known = stream.read()
    if known != os.fsencode(place):
        with open(note, "wb") as stream:
            stream.write(os.fsencode(place))
except OSError:
    pass
"""

_LAYER_START = "layer.start"
_MODULE = "_virtualenv_reflink_start"
# Paths that the layer's files add belong behind the layer, and before the packages of the system.
_MODULE_SOURCE = """\
import os
import site
import sys


def add_site_directory():
    layer = os.path.dirname(__file__)
    known = set(sys.path)
    site.addsitedir(layer)
    added = [place for place in sys.path if place not in known]
    others = [place for place in sys.path if place in known]
    behind = others.index(layer) + 1
    sys.path[:] = others[:behind] + added + others[behind:]
"""
_COMPILE = "import py_compile, sys; py_compile.compile(sys.argv[1], dfile=sys.argv[2], doraise=True)"


class Startup(NamedTuple):
    """Files and symbolic links to make in site-packages, by name: their content, and where they lead."""

    files: dict[str, bytes]
    links: dict[str, str]


def startup_of(tree: Path, environment: Environment, user_note: Path) -> Startup:
    """Return what makes the interpreter of an environment find the layer at ``tree``.

    It tells ``user_note``, with a suffix for each place, where the environment is if it was moved or copied.
    """
    if environment.version < _FIRST_WITH_START_FILES:
        root = os.fsencode(os.path.abspath(environment.root))
        register = _REGISTER.format(note=os.fsencode(user_note))
        lines = _IMPORT_LINE.format(layer=os.fsencode(tree)) + _MOVED_LINE.format(root=root, register=register)
        return Startup({PTH: lines.encode("ascii")}, {})
    start = tree.parent / _LAYER_START
    links = {_START: str(start)} if start.is_file() else {}
    place = str(tree)
    if not (place.isascii() and place.isprintable()):
        # not every locale can read the path, and a line cannot hold every path
        links[_LINK], place = place, _LINK
    return Startup({PTH: f"{place}\n".encode("ascii")}, links)


def add_start_file(tree: Path, environment: Environment, *, compile_bytecode: bool) -> None:
    """Give a new layer what processes the ``.pth`` and ``.start`` files in it, if there are any.

    :raises ReflinkError: when the interpreter cannot compile it.
    :raises OSError: when it cannot be written.
    """
    if not any(name.endswith((".pth", ".start")) for name in os.listdir(tree)):
        return
    (tree.parent / _LAYER_START).write_text(f"{_MODULE}:add_site_directory\n", encoding="ascii")
    module = tree / f"{_MODULE}.py"
    module.write_text(_MODULE_SOURCE, encoding="ascii")
    if compile_bytecode and environment.version >= _FIRST_WITH_START_FILES:
        _compile(module, environment.base_executable)


def _compile(module: Path, executable: Path) -> None:
    command = [str(executable), "-I", "-S", "-c", _COMPILE, str(module), module.name]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ReflinkError(f"{executable} cannot compile bytecode: {reason}; --no-compile-bytecode does without")
