"""Real filesystems, real wheels, real virtualenv."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from benchmarks.loop_mounts import loop_mount, why_no_mounts
from tests.support.index import Index, serving
from tests.support.wheels import make_wheel
from virtualenv_reflink.filesystem import native
from virtualenv_reflink.filesystem.native import CORE
from virtualenv_reflink.filesystem.subvolume import is_subvolume, unseal_subvolume

Run = Callable[..., "subprocess.CompletedProcess[str]"]
THE_ONE_PYTHON = sys.version_info[:2] == (3, 13) and not sysconfig.get_config_var("Py_GIL_DISABLED")
ONCE = pytest.mark.skipif(not THE_ONE_PYTHON, reason="it takes long, and runs with Python 3.13 alone")
AT_LENGTH = pytest.mark.skipif(
    not (THE_ONE_PYTHON and os.environ.get("CI")),
    reason="it drives a real tool at length, with Python 3.13 where CI is set",
)
Install = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's settings and caches out of the tests, and bytecode as Python has it by default."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("VIRTUALENV_", "PYTHON", "TOX_", "NOX_", "PIPX_")) and name != CORE:
                patch.delenv(name)
        # what is seeded unasked for Python 3.12 and later, for every Python
        patch.setenv("VIRTUALENV_SETUPTOOLS", "none")
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("xdg-state")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("xdg-cache")))
        patch.setenv("VIRTUALENV_CONFIG_FILE", str(tmp_path_factory.mktemp("config") / "virtualenv.ini"))
        patch.setenv("VIRTUALENV_OVERRIDE_APP_DATA", str(tmp_path_factory.mktemp("app-data")))
        yield


def require_mounts(filesystem: str) -> None:
    """Skip the test where ``filesystem`` cannot be mounted; in CI that is a failure."""
    missing = why_no_mounts(filesystem)
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"{filesystem} cannot be mounted, and in CI it must be: {missing}")
        pytest.skip(f"{filesystem} cannot be mounted: {missing}")


def _mount(filesystem: str, mebibytes: int) -> Iterator[Path]:
    require_mounts(filesystem)
    with loop_mount(filesystem, mebibytes) as place:
        yield place


@pytest.fixture(scope="session")
def btrfs() -> Iterator[Path]:
    """A btrfs, mounted."""
    yield from _mount("btrfs", 2048)


@pytest.fixture(scope="session")
def xfs() -> Iterator[Path]:
    """An XFS with reflinks, mounted."""
    yield from _mount("xfs", 2048)


@pytest.fixture(scope="session")
def ext4() -> Iterator[Path]:
    """An ext4, mounted; it has no reflinks."""
    yield from _mount("ext4", 2048)


@pytest.fixture(scope="session")
def tmpfs() -> Iterator[Path]:
    """A tmpfs, mounted; it has no reflinks."""
    yield from _mount("tmpfs", 1024)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty directory on the filesystem that the parameter names."""
    root: Path = request.getfixturevalue(request.param)
    directory = root / hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
    directory.mkdir()
    yield directory
    # glob follows links, and those of a journal lead nowhere
    caches = [path for path in directory.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for sealed in (tree for cache in caches for tree in cache.glob("v*/layers/*/tree")):
        if is_subvolume(str(sealed)):
            unseal_subvolume(str(sealed))
    shutil.rmtree(directory)


@pytest.fixture(params=["native", "python"])
def core(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The core that places files, here and in processes that are started."""
    if request.param == "native" and native.core() != "native":
        wanted = sys.platform == "linux" and os.environ.get("CI") and os.environ.get(CORE) != "python"
        (pytest.fail if wanted else pytest.skip)("there is no native core here")
    monkeypatch.setenv(CORE, request.param)
    return str(request.param)


@pytest.fixture
def _signals_answered() -> Iterator[None]:
    """Have signals do here what they do by default, also where they are ignored, as in the background of a script."""
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, answer) for number, answer in defaults.items()}
    yield
    for number, answer in before.items():
        signal.signal(number, answer)


@pytest.fixture
def virtualenv() -> Run:
    """Run virtualenv with our seeder; fail unless it exits with ``code``."""

    def run(
        *args: object, code: int = 0, seeder: str = "reflink", **kwargs: object
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "virtualenv", "--seeder", seeder, "--no-periodic-update", *map(str, args)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **kwargs)  # type: ignore[call-overload]
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def reflink() -> Run:
    """Run ``python -m virtualenv_reflink``; fail unless it exits with ``code``."""

    def run(*args: object, code: int = 0, **kwargs: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "virtualenv_reflink", *map(str, args)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **kwargs)  # type: ignore[call-overload]
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def _with_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel cache with nothing but the pip that we run, ready, so that no test that kills us meets its making."""
    directory = tmp_path_factory.mktemp("with-pip")
    (directory / "requirements.txt").write_text(str(make_wheel(directory, {}, name="ready")))
    words = ["install", "--wheel-cache", directory / "cache", "-p", bare(directory / "env"), "--dry-run", "--no-index"]
    command = [sys.executable, "-m", "virtualenv_reflink", *words, "-r", directory / "requirements.txt"]
    subprocess.run(command, check=True, capture_output=True)
    return directory / "cache"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory, _with_pip: Path) -> Path:
    """One wheel cache for all tests that do not care."""
    return _copied(_with_pip, tmp_path_factory.mktemp("wheel-cache") / "cache")


@pytest.fixture
def own_cache(tmp_path: Path, _with_pip: Path) -> Path:
    """A wheel cache for one test, to which getting pip ready is not left."""
    return _copied(_with_pip, tmp_path / "cache")


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment with nothing in it."""
    return bare(tmp_path / "env")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index of what is in the directory ``dist``, and no other."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    (tmp_path / "dist").mkdir()
    with serving(tmp_path / "dist") as served:
        monkeypatch.setenv("PIP_INDEX_URL", served.url)
        yield served


@pytest.fixture
def install(reflink: Run, cache: Path, environment: Path) -> Install:
    """Install into the environment, or into another one."""

    def run(*args: object, into: Path = environment, **kwargs: object) -> subprocess.CompletedProcess[str]:
        return reflink("install", "--wheel-cache", cache, "-p", into, *args, **kwargs)

    return run


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real wheels from the package index, for the running Python."""
    directory = tmp_path_factory.mktemp("wheelhouse")
    names = ["numpy", "black", "jupyterlab", "setuptools", "six", "jmespath", "botocore", "greenlet"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "--dest", str(directory), *names], check=True)
    return directory


@pytest.fixture(scope="session")
def project_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project as a wheel, built once for all workers."""
    base = tmp_path_factory.getbasetemp()
    directory = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "project-wheel"
    with FileLock(f"{directory}.lock"):
        if not directory.exists():
            pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
            subprocess.run([*pip, "--wheel-dir", directory, Path(__file__).parents[1]], check=True)
    (wheel,) = directory.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def beside(tmp_path_factory: pytest.TempPathFactory, cache: Path, project_wheel: Path) -> Callable[..., Path]:
    """Put tools into an environment of their own, with this project beside them; return where their scripts are."""

    @functools.cache
    def put(*tools: str) -> Path:
        environment = tmp_path_factory.mktemp("tools") / "env"
        wanted = [word for tool in (*tools, str(project_wheel)) for word in ("--with", tool)]
        command = [sys.executable, "-m", "virtualenv_reflink", "venv", "--without-pip", "--wheel-cache", str(cache)]
        subprocess.run([*command, *wanted, environment], check=True)
        return environment / "bin"

    return put


def _copied(cache: Path, to: Path) -> Path:
    # with the hard links between layers and wheels
    subprocess.run(["cp", "-a", cache, to], check=True)
    return to


def bare(directory: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
    return directory


def python_of(environment: Path) -> Path:
    """Return the interpreter of an environment."""
    return environment / "bin" / "python"


def tree_digest(root: Path) -> dict[str, tuple[int, str]]:
    """Return mode and SHA-256 of every file below ``root``, by relative path."""
    return {
        str(path.relative_to(root)): (path.stat().st_mode, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
