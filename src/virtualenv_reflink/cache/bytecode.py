"""Unpacked wheel to bytecode for one interpreter."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.compilers import Compilers, Job, Stamp
from virtualenv_reflink.cache.manifest import TREE_NAME, Tree, TreeBuilder, UnpackedWheel, write_tree
from virtualenv_reflink.cache.modes import cached_file_mode
from virtualenv_reflink.cache.record_hash import record_form


class _Bytecode(NamedTuple):
    scheme: str
    path: str
    job: Job


def compile_wheel(unpacked: UnpackedWheel, compilers: Compilers, cache_tag: str, entry: Path) -> None:
    """Compile all sources of a wheel into the empty directory ``entry``, with a manifest.

    Bytecode is invalidated by its source's mtime and size (PEP 552), which clones keep. Sources that do not compile
    are skipped, as pip skips them.

    :raises ReflinkError: when the interpreter fails.
    :raises OSError: when ``entry`` cannot be written.
    """
    wanted = list(_bytecode(unpacked.tree, cache_tag, entry / TREE_NAME))
    stamp = Stamp(time.time_ns(), cached_file_mode(executable=False))
    made = compilers.compile([each.job for each in wanted], stamp)
    builder = TreeBuilder()
    for scheme, path, job in wanted:
        if compiled := made.get(job.bytecode):
            hash_ = record_form("sha256", bytes.fromhex(compiled.digest))
            builder.add(scheme, path, executable=False, size=compiled.size, hash_=hash_)
    write_tree(entry, builder, stamp.mtime_ns)


def bytecode_path(path: str, cache_tag: str) -> str:
    """Return where the bytecode of the source at ``path`` belongs (PEP 3147)."""
    parent, _, name = path.rpartition("/")
    directory = f"{parent}/__pycache__" if parent else "__pycache__"
    return f"{directory}/{name.removesuffix('.py')}.{cache_tag}.pyc"


def _bytecode(tree: Tree, cache_tag: str, root: Path) -> Iterator[_Bytecode]:
    for scheme in tree.schemes:
        for path, _ in tree.files(scheme):
            if path.endswith(".py"):
                place = bytecode_path(path, cache_tag)
                yield _Bytecode(scheme, place, Job(f"{tree.root}/{scheme}/{path}", f"{root}/{scheme}/{place}", path))
