"""The standard library's ``venv`` with packages from the wheel cache instead of ensurepip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from virtualenv_reflink.environment.environment import Environment, headers_of
from virtualenv_reflink.environment.lock import locked
from virtualenv_reflink.errors import TargetError

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

Seed = Callable[[Environment], None]
"""Put packages into an environment that has just been made."""


class ReflinkEnvBuilder(venv.EnvBuilder):
    """Makes what ``python -m venv`` makes, and leaves what is to be in it to a function."""

    def __init__(self, seed: Seed, *, with_pip: bool, **options: Any) -> None:
        """Take the function, whether pip is among what it brings, and the options of :class:`venv.EnvBuilder`."""
        super().__init__(with_pip=False, **options)
        self._seed = seed
        self._says_with_pip = with_pip

    def create(self, env_dir: AnyPath) -> None:
        """Make an environment; one that cannot be seeded is not left behind unless it was there before.

        :raises TargetError: when ``venv`` refuses.
        :raises ReflinkError: when packages cannot be put into it.
        """
        with _making(Path(os.fsdecode(env_dir))):
            super().create(env_dir)
            self._seed(_environment(self._context))

    def clear_directory(self, path: AnyPath) -> None:
        """Delete what is in ``path``; what is in the way is left to ``venv``."""
        from virtualenv_reflink.environment.removal import empty

        empty(Path(os.fsdecode(path)))
        super().clear_directory(path)

    def ensure_directories(self, env_dir: AnyPath) -> SimpleNamespace:
        """Make the directories as ``venv`` does, and keep what it says about them."""
        self._context: SimpleNamespace = super().ensure_directories(env_dir)
        return self._context

    def create_configuration(self, context: SimpleNamespace) -> None:
        """Write the pyvenv.cfg of an environment with pip, which ``venv`` is not asked to install."""
        self.with_pip = self._says_with_pip
        super().create_configuration(context)
        self.with_pip = False

    def upgrade_dependencies(self, context: SimpleNamespace) -> None:
        """Do nothing: what is put into the environment is the latest already where that is asked for."""


def create_bare(env_dir: str) -> None:
    """Make what ``python -m venv --without-pip`` makes with this interpreter, without starting it again.

    :raises TargetError: when ``venv`` refuses.
    """
    since_3_13 = {"scm_ignore_files": frozenset(["git"])} if sys.version_info >= (3, 13) else {}
    ReflinkEnvBuilder(lambda _: None, with_pip=False, symlinks=os.name != "nt", **since_3_13).create(env_dir)


def create_with(python: Path, options: Sequence[str], env_dir: str, seed: Callable[[Path], None]) -> None:
    """Have another interpreter make an environment with its own ``venv``, then call ``seed`` with its directory.

    :raises TargetError: when that fails.
    :raises ReflinkError: when packages cannot be put into it.
    """
    with _making(Path(env_dir)):
        if "--clear" in options:
            from virtualenv_reflink.environment.removal import empty

            empty(Path(env_dir))
        command = [str(python), "-I", "-m", "venv", "--without-pip", *options, "--", env_dir]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
            raise TargetError(f"{python} cannot make an environment at {env_dir}: {said.removeprefix('Error: ')}")
        seed(Path(env_dir))


@contextmanager
def _making(env_dir: Path) -> Iterator[None]:
    """Hold the directory of an environment while it is made, and empty it again if that fails and it was empty.

    :raises TargetError: in place of what ``venv`` and the system raise.
    """
    existed = os.path.lexists(env_dir)
    try:
        with locked(env_dir, lambda line: print(line, file=sys.stderr)):
            was_empty = not os.listdir(env_dir)
            try:
                yield
            except BaseException:
                if was_empty:
                    _empty(env_dir, keep=existed)
                raise
    except OSError as error:
        raise TargetError(f"there can be no environment at {env_dir}: {error.strerror or error}") from error
    except ValueError as error:
        raise TargetError(f"there can be no environment at {env_dir}: {error}") from error


def _empty(directory: Path, *, keep: bool) -> None:
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    if not keep:
        with suppress(OSError):
            directory.rmdir()


def _environment(context: SimpleNamespace) -> Environment:
    root = Path(context.env_dir)
    version = sys.version_info[:3]
    paths = _scheme(context.env_dir)
    return Environment(
        root=root,
        executable=Path(context.env_exe),
        base_executable=Path(context.executable),
        version=version,
        purelib=Path(paths["purelib"]),
        platlib=Path(paths["platlib"]),
        scripts=Path(context.bin_path),
        headers=headers_of(root, version),
        data=root,
        prefix=root,
    )


def _scheme(root: str) -> dict[str, str]:
    """Return the install scheme of environments, which Python 3.10 does not name yet."""
    scheme = "venv" if "venv" in sysconfig.get_scheme_names() else ("nt" if os.name == "nt" else "posix_prefix")
    variables = dict.fromkeys(("base", "platbase", "installed_base", "installed_platbase"), root)
    return sysconfig.get_paths(scheme, variables)
