"""Random edits of files in environments, by root and by a user: the cache and the next environment do not change."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from benchmarks.loop_mounts import loop_mount
from tests.campaign.checks import bad_entries, changes, not_whole, tree_of
from tests.campaign.setting import Setting, remove
from tests.campaign.tally import Tally

PART = "edits"
_FILES = 300
_USER = 4242
_FICLONE = 0x40049409


def run(number: int, seed: int) -> Iterator[Tally]:
    """Make ``number`` edits, half of them as root."""
    for filesystem, modes in (("btrfs", ("clone", "snapshot", "copy")), ("xfs", ("clone", "copy"))):
        with loop_mount(filesystem, 2048) as mount:
            # a user can come here too
            mount.parent.chmod(0o755)
            for mode in modes:
                for user in (0, _USER):
                    directory = mount / f"{mode}-{user}"
                    directory.mkdir()
                    yield _tally_of(Setting(directory, _FILES), filesystem, mode, user, number // 10, seed)


def _tally_of(at: Setting, filesystem: str, mode: str, user: int, number: int, seed: int) -> Tally:
    tally = Tally(PART, f"{mode}, {filesystem}, {'a user' if user else 'root'}")
    command = at.command("venv", mode, "--without-pip", "--with-requirements", at.locks["1.0"])
    done = at.run([*command, str(at.environment)])
    assert not done.code, done.said
    if user:
        subprocess.run(["chown", "-R", f"{user}:{user}", at.environment], check=True)
    before = _content(at.cache)
    other = at.directory / "other"
    assert not at.run([*command, str(other)]).code
    beside = tree_of(other)
    tally.counts["tried"] = number
    tally.counts["hit"] = _edited_by(user, at.environment, number, seed)
    assert tally.counts["hit"] > number // 2, "too few edits were possible"
    subprocess.run(["sync", "-f", at.directory], check=True)
    tally.problem("written outside", changes(before, _content(at.cache)))
    tally.problem("written outside", changes(beside, tree_of(other)))
    tally.problem("bad entry served", bad_entries(at.cache))
    remove(at.environment)
    again = at.run([*command, str(at.environment)])
    tally.problem("traceback", [again.said] if "Traceback" in again.said else [])
    wrong = [again.said] if again.code else not_whole(at.environment, hashes=True)
    tally.problem("next run not whole", wrong)
    return tally


def _content(cache: Path) -> dict[str, tuple[object, ...]]:
    return {path: facts for path, facts in tree_of(cache).items() if "/users/" not in path and "/locks/" not in path}


def _edited_by(user: int, environment: Path, number: int, seed: int) -> int:
    """Edit in a process of its own, as ``user``; return how many edits were possible."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        try:
            if user:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            os.write(writing, str(_edit(environment, number, random.Random(seed))).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as stream:
        told = stream.read()
    os.waitpid(process, 0)
    return int(told or 0)


def _edit(environment: Path, number: int, rng: random.Random) -> int:
    files = [path for path in environment.glob("lib/**/*") if path.is_file()]
    done: Counter[str] = Counter()
    for _ in range(number):
        edit, path, other = rng.choice(EDITS), rng.choice(files), rng.choice(files)
        with suppress(OSError, ValueError):
            edit(str(path), str(other), rng)
            done[edit.__name__] += 1
    return done.total()


def _write(path: str, _: str, rng: random.Random) -> None:
    with open(path, "r+b") as stream:
        stream.seek(rng.randrange(os.path.getsize(path) + 1))
        stream.write(rng.randbytes(rng.randrange(1, 5000)))


def _truncate(path: str, _: str, rng: random.Random) -> None:
    os.truncate(path, rng.randrange(os.path.getsize(path) + 10))


def _append(path: str, _: str, rng: random.Random) -> None:
    with open(path, "ab") as stream:
        stream.write(rng.randbytes(400))


def _chmod(path: str, _: str, rng: random.Random) -> None:
    os.chmod(path, rng.choice([0o777, 0o644, 0o4755, 0o444]))


def _rename(path: str, other: str, _: random.Random) -> None:
    os.rename(other, path)


def _unlink(path: str, _: str, rng: random.Random) -> None:
    os.unlink(path)
    Path(path).write_bytes(rng.randbytes(10))


def _map(path: str, _: str, rng: random.Random) -> None:
    with open(path, "r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapped:
        place = rng.randrange(len(mapped))
        mapped[place] = (mapped[place] + 1) % 256


def _utime(path: str, _: str, rng: random.Random) -> None:
    os.utime(path, (rng.randrange(10**9), rng.randrange(10**9)))


def _xattr(path: str, _: str, rng: random.Random) -> None:
    os.setxattr(path, "user.x", rng.randbytes(20))


def _link(path: str, _: str, rng: random.Random) -> None:
    os.link(path, f"{path}.{rng.randrange(10**6)}")


def _direct(path: str, _: str, rng: random.Random) -> None:
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    try:
        with mmap.mmap(-1, 4096) as block:
            block.write(rng.randbytes(4096))
            os.write(fd, block)
    finally:
        os.close(fd)


def _clone(path: str, other: str, _: random.Random) -> None:
    with open(other, "rb") as source, open(path, "r+b") as target:
        fcntl.ioctl(target, _FICLONE, source.fileno())


def _copy_range(path: str, other: str, _: random.Random) -> None:
    with open(other, "rb") as source, open(path, "r+b") as target:
        os.copy_file_range(source.fileno(), target.fileno(), 4096)


def _remove_directory(path: str, _: str, __: random.Random) -> None:
    directory = os.path.dirname(path)
    if not directory.endswith("__pycache__"):
        raise OSError(errno.EINVAL, "not this one")
    shutil.rmtree(directory)
    os.mkdir(directory)


EDITS: tuple[Callable[[str, str, random.Random], None], ...] = (
    *(_write, _truncate, _append, _chmod, _rename, _unlink, _map, _utime, _xattr, _link, _direct, _clone),
    *(_copy_range, _remove_directory),
)
