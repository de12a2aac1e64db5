"""Unpacked wheel to bytecode for one interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache import compile_sources
from virtualenv_reflink.cache.manifest import TREE_NAME, Tree, TreeBuilder, UnpackedWheel, write_tree
from virtualenv_reflink.cache.modes import cached_file_mode
from virtualenv_reflink.cache.record_hash import hash_of_file
from virtualenv_reflink.errors import ReflinkError, TargetError
from virtualenv_reflink.filesystem.allocation import move_to_block

# Below this many sources a second interpreter costs more to start than it saves.
_SOURCES_PER_PROCESS = 60


class _Job(NamedTuple):
    scheme: str
    path: str
    source: str
    bytecode: str
    name: str


def compile_wheel(unpacked: UnpackedWheel, executable: Path, cache_tag: str, entry: Path) -> None:
    """Have ``executable`` compile all sources of a wheel into the empty directory ``entry``, with a manifest.

    Bytecode is invalidated by its source's mtime and size (PEP 552), which clones keep. Sources that do not compile
    are skipped, as pip skips them.

    :raises ReflinkError: when the interpreter fails.
    :raises OSError: when ``entry`` cannot be written.
    """
    jobs = list(_jobs(unpacked.tree, cache_tag, entry / TREE_NAME))
    made = _run(jobs, executable)
    builder, mtime_ns = TreeBuilder(), time.time_ns()
    for job in jobs:
        if job.bytecode in made:
            move_to_block(job.bytecode)
            os.utime(job.bytecode, ns=(mtime_ns, mtime_ns))
            os.chmod(job.bytecode, cached_file_mode(executable=False))
            size = os.stat(job.bytecode).st_size
            builder.add(job.scheme, job.path, executable=False, size=size, hash_=hash_of_file(job.bytecode))
    write_tree(entry, builder, mtime_ns)


def bytecode_path(path: str, cache_tag: str) -> str:
    """Return where the bytecode of the source at ``path`` belongs (PEP 3147)."""
    parent, _, name = path.rpartition("/")
    directory = f"{parent}/__pycache__" if parent else "__pycache__"
    return f"{directory}/{name.removesuffix('.py')}.{cache_tag}.pyc"


def _jobs(tree: Tree, cache_tag: str, root: Path) -> Iterator[_Job]:
    for scheme in tree.schemes:
        for path, _ in tree.files(scheme):
            if path.endswith(".py"):
                place = bytecode_path(path, cache_tag)
                yield _Job(scheme, place, f"{tree.root}/{scheme}/{path}", f"{root}/{scheme}/{place}", path)


def _run(jobs: list[_Job], executable: Path) -> set[str]:
    count = max(1, min(os.cpu_count() or 1, len(jobs) // _SOURCES_PER_PROCESS))
    processes = [_start(executable) for _ in range(count)]
    try:
        for index, process in enumerate(processes):
            share = [(job.source, job.bytecode, job.name) for job in jobs[index::count]]
            assert process.stdin
            # one that has ended already tells why
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(share))
                process.stdin.close()
            process.stdin = None
        return {path for process in processes for path in _made(process, executable)}
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _start(executable: Path) -> subprocess.Popen[str]:
    command = [str(executable), "-I", "-S", "-W", "ignore", compile_sources.__file__]
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8")
    except OSError as error:
        # not one of the cache, which it would be told as
        raise TargetError(f"the interpreter {executable} cannot be used: {error.strerror}") from error


def _made(process: subprocess.Popen[str], executable: Path) -> list[str]:
    output, errors = process.communicate()
    try:
        answer = json.loads(output)
        made, failed = list(answer["made"]), answer["failed"]
    except (ValueError, TypeError, LookupError) as error:
        last = (errors.strip().splitlines() or ["no reason given"])[-1]
        raise ReflinkError(
            f"{executable} cannot compile bytecode: {last}; --no-compile-bytecode does without"
        ) from error
    if failed:
        raise OSError(*failed)
    return made
