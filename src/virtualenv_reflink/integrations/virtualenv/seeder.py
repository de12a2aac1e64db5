"""``virtualenv --seeder reflink``: seed packages put into place from the wheel cache."""

from __future__ import annotations

import logging
from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING

from virtualenv.seed.embed.base_embed import BaseEmbed

from virtualenv_reflink.integrations.virtualenv.staged_parser import let_option_through

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from typing import Any

    from virtualenv.create.creator import Creator

    from virtualenv_reflink.environment.environment import Environment

let_option_through()


class ReflinkSeeder(BaseEmbed):  # type: ignore[misc,unused-ignore]
    """Seeds pip, setuptools and any requirements asked for by cloning them from the cache of unpacked wheels.

    What this class takes for granted of its base is what virtualenv documents for seeders.
    """

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        from virtualenv_reflink.option import listed
        from virtualenv_reflink.options import check_variables, settings

        self.requirements = listed(options.with_wheels)
        self.requirements_files = listed(options.with_requirements)
        wanted = self.distribution_to_versions() or self.requirements or self.requirements_files
        self.enabled: bool = not options.no_seed and bool(wanted)
        # virtualenv warns of a variable that it cannot read, and goes on
        check_variables(self.env)
        self._settings = settings(options) if self.enabled else None
        self._via: str = options.link_mode
        self._in_layer: list[str] = []

    @classmethod
    def add_parser_arguments(cls, parser: ArgumentParser, interpreter: Any, app_data: Any) -> None:
        """Add the options of this seeder to those that every embedding seeder has."""
        from virtualenv_reflink.options import SETTINGS, WITH

        super().add_parser_arguments(parser, interpreter, app_data)
        for option in (*WITH, *SETTINGS):
            # virtualenv looks for variables, and into its configuration file, by itself
            option.add_to(parser, environ={})

    def __repr__(self) -> str:
        extra = "".join(f", with={wanted}" for wanted in [*self.requirements, *self.requirements_files])
        place = f", wheel_cache={self._settings.wheel_cache}" if self._settings else ""
        # virtualenv itself tells what is in site-packages
        layer = f", layer={' '.join(self._in_layer)}" if self._in_layer else ""
        return f"{super().__repr__()[:-1]}{extra}, via={self._via}{place}{layer})"

    def run(self, creator: Creator) -> None:
        """Seed the environment that ``creator`` made.

        :raises ReflinkError: naming what went wrong; nothing half-seeded stays behind.
        """
        if self._settings is None:
            return
        from virtualenv_reflink.environment.installed import versions_in_layer
        from virtualenv_reflink.environment.scripts import aliases_of_seeds
        from virtualenv_reflink.environment.supported import check_supported
        from virtualenv_reflink.provision.provisioner import Provisioner

        environment = _environment(creator)
        check_supported(environment.base_executable, environment.version)
        sources = [word for place in self.extra_search_dir for word in ("--find-links", str(place))]
        provisioner = Provisioner(self._settings, environment, index_options=sources, on_wait=logging.warning)
        seeds, aliases = self.seed_wheels(creator.interpreter), aliases_of_seeds(environment.version)
        outcome = provisioner.seed(seeds, self.requirements, self.requirements_files, aliases)
        for warning in outcome.warnings:
            logging.warning(warning)
        self._via = str(outcome)
        self._in_layer = [f"{name}=={version}" for name, version in versions_in_layer(environment).items()]

    def seed_wheels(self, interpreter: Any) -> list[Path]:
        """Return the wheels that environments of an interpreter get unasked, as virtualenv chooses them.

        :raises ReflinkError: when one cannot be had.
        """
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
        prefix=root,
    )
