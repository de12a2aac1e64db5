"""``virtualenv --seeder reflink``: seed packages put into place from the wheel cache."""

from __future__ import annotations

from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING

from virtualenv.seed.embed.base_embed import BaseEmbed

from virtualenv_reflink.integrations.virtualenv.staged_parser import DESTINATION, OPTION, let_option_through

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from typing import Any

    from virtualenv.create.creator import Creator

    from virtualenv_reflink.environment.environment import Environment
    from virtualenv_reflink.provision.settings import Settings

let_option_through()


class ReflinkSeeder(BaseEmbed):  # type: ignore[misc,unused-ignore]
    """Seeds pip, setuptools and any requirements asked for by cloning them from the cache of unpacked wheels.

    What this class takes for granted of its base is what virtualenv documents for seeders.
    """

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.link_mode: str = options.link_mode
        self.wheel_cache: Path | None = options.wheel_cache
        self.requirements: list[str] = options.with_wheels
        self.requirements_files: list[str] = options.with_requirements
        self.compile_bytecode: bool = not options.no_compile_bytecode
        self.offline: bool = options.offline
        self.refresh: bool = options.refresh
        self.remember_for: float = options.remember_for
        wanted = self.distribution_to_versions() or self.requirements or self.requirements_files
        self.enabled: bool = not options.no_seed and bool(wanted)
        self._via = self.link_mode

    @classmethod
    def add_parser_arguments(cls, parser: ArgumentParser, interpreter: Any, app_data: Any) -> None:
        """Add the options of this seeder to those that every embedding seeder has."""
        from virtualenv_reflink.placing.linking import LINK_MODES
        from virtualenv_reflink.provision.settings import TEN_MINUTES

        super().add_parser_arguments(parser, interpreter, app_data)
        parser.add_argument(
            OPTION,
            dest=DESTINATION,
            metavar="requirement",
            type=str,
            action="append",
            default=[],
            help="also seed this requirement and what it depends on: all that pip takes, wheels in --extra-search-dir "
            "included (can be set 1+ times)",
        )
        parser.add_argument(
            "--with-requirements",
            dest="with_requirements",
            metavar="file",
            type=str,
            action="append",
            default=[],
            help="also seed what this requirements file or pylock.toml asks for (can be set 1+ times)",
        )
        parser.add_argument(
            "--link-mode",
            dest="link_mode",
            choices=LINK_MODES,
            default="auto",
            help="how files reach the environment; auto clones where the filesystem can and copies elsewhere",
        )
        parser.add_argument(
            "--wheel-cache",
            dest="wheel_cache",
            metavar="dir",
            type=Path,
            default=None,
            help="the directory of unpacked wheels (the user's cache directory unless set)",
        )
        parser.add_argument(
            "--no-compile-bytecode",
            dest="no_compile_bytecode",
            action="store_true",
            default=False,
            help="seed sources without their bytecode",
        )
        parser.add_argument(
            "--offline",
            dest="offline",
            action="store_true",
            default=False,
            help="use what is in the wheel cache, however old, and no network",
        )
        parser.add_argument(
            "--refresh",
            dest="refresh",
            action="store_true",
            default=False,
            help="resolve requirements anew, even if that was done a moment ago",
        )
        parser.add_argument(
            "--remember-for",
            dest="remember_for",
            metavar="seconds",
            type=float,
            default=TEN_MINUTES,
            help="how long a resolution of requirements is good",
        )

    def __repr__(self) -> str:
        extra = "".join(f", with={wanted}" for wanted in [*self.requirements, *self.requirements_files])
        return f"{super().__repr__()[:-1]}{extra}, via={self._via}, wheel_cache={self._settings().wheel_cache})"

    def run(self, creator: Creator) -> None:
        """Seed the environment that ``creator`` made.

        :raises ReflinkError: naming what went wrong; nothing half-seeded stays behind.
        """
        if not self.enabled:
            return
        from virtualenv_reflink.provision.provisioner import Provisioner

        places = [word for place in self.extra_search_dir for word in ("--find-links", str(place))]
        provisioner = Provisioner(self._settings(), _environment(creator), index_options=places)
        seeds = [provisioner.cache.unpacked(wheel) for wheel in self._seed_wheels(creator.interpreter)]
        # pip itself has no such script, but environments have it from virtualenv's default seeder
        aliases = {f"pip-{creator.interpreter.version_info.major}.{creator.interpreter.version_info.minor}": "pip"}
        provisioner.seed(seeds, self.requirements, self.requirements_files, aliases)
        self._via = str(provisioner.linker)

    def _settings(self) -> Settings:
        from virtualenv_reflink.provision.settings import Settings, default_wheel_cache

        return Settings(
            wheel_cache=self.wheel_cache.expanduser().absolute() if self.wheel_cache else default_wheel_cache(),
            link_mode=self.link_mode,
            compile_bytecode=self.compile_bytecode,
            offline=self.offline,
            refresh=self.refresh,
            remember_for=self.remember_for,
        )

    def _seed_wheels(self, interpreter: Any) -> list[Path]:
        versions = self.distribution_to_versions()
        if not self.download:
            # what is bundled is at hand; starting threads for it takes longer than finding it
            return [self._seed_wheel(name, version, interpreter) for name, version in versions.items()]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor() as pool:
            found = [pool.submit(self._seed_wheel, name, version, interpreter) for name, version in versions.items()]
            return [future.result() for future in found]

    def _seed_wheel(self, name: str, version: str, interpreter: Any) -> Path:
        from virtualenv.seed.wheels import get_wheel

        from virtualenv_reflink.errors import ReflinkError

        wheel = None
        for download in [True] if self.download else [False, True]:
            try:
                wheel = wheel or get_wheel(
                    distribution=name,
                    version=version,
                    for_py_version=interpreter.version_release_str,
                    search_dirs=self.extra_search_dir,
                    download=download,
                    app_data=self.app_data,
                    do_periodic_update=self.periodic_update,
                    env=self.env,
                )
            except CalledProcessError as error:
                reason = (error.stderr or "").strip().rpartition("\n")[2] or f"pip exited with {error.returncode}"
                raise ReflinkError(f"{name} {version} cannot be downloaded: {reason}") from error
        if wheel is None:
            raise ReflinkError(f"no wheel of {name} {version} was found for Python {interpreter.version_release_str}")
        return Path(wheel.path)


def _environment(creator: Creator) -> Environment:
    from virtualenv_reflink.environment.environment import Environment, headers_of

    interpreter = creator.interpreter
    root = Path(creator.dest)
    version = (interpreter.version_info.major, interpreter.version_info.minor, interpreter.version_info.micro)
    return Environment(
        root=root,
        executable=Path(creator.exe),
        base_executable=Path(interpreter.system_executable or interpreter.executable),
        version=version,
        purelib=Path(creator.purelib),
        platlib=Path(creator.platlib),
        scripts=Path(creator.script_dir),
        headers=headers_of(root, version),
        data=root,
    )
