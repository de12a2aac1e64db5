"""tox's environments and its installer, with the jobs of pip done by our seeder and our ``install``."""

from __future__ import annotations

import sys
from abc import ABC
from typing import TYPE_CHECKING, Any

from tox.config.types import Command
from tox.tox_env.errors import Fail
from tox.tox_env.python.pip.pip_install import Pip
from tox.tox_env.python.virtual_env.api import VirtualEnv
from tox.tox_env.python.virtual_env.package.cmd_builder import VirtualEnvCmdBuilder
from tox.tox_env.python.virtual_env.package.pyproject import Pep517VirtualEnvPackager
from tox.tox_env.python.virtual_env.runner import VirtualEnvRunner

from virtualenv_reflink.environment.removal import emptied
from virtualenv_reflink.integrations.command import install_command
from virtualenv_reflink.integrations.tox.runners import all_have
from virtualenv_reflink.integrations.tox.seeds import Seeds, failing
from virtualenv_reflink.option import switch
from virtualenv_reflink.options import LINK_MODE, SHARE_MEMORY, check_sharing, check_variables
from virtualenv_reflink.provision.link_modes import LINK_MODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tox.config.main import Config
    from tox.tox_env.installer import InstallArguments

_VERBOSE = 4
# what tox calls what it installs first
_DEPS = "deps"
# what tox looks at before it deletes an environment
_BEFORE_DELETION = ("platform", "recreate_commands")


class ReflinkInstaller(Pip):
    """Installs with ``virtualenv-reflink install`` what tox would install with pip, unless the user sets a command."""

    def __init__(self, environment: VirtualEnv) -> None:
        super().__init__(environment)
        self._seeds = Seeds(environment)

    def default_install_command(self, conf: Config, env_name: str | None) -> Command:  # noqa: ARG002
        """Return the command; its placeholders are pip's."""
        command = [*install_command(self._env.conf["env_dir"]), LINK_MODE.flag, self._env.conf["reflink_link_mode"]]
        if self._env.options.verbosity >= _VERBOSE:
            command.append("-v")
        return Command([*command, "{opts}", "{packages}"])

    def install(self, arguments: InstallArguments, section: str, of_type: str) -> None:
        """Install; what a command of the user cannot bring, or nothing has brought, is seeded beside it.

        :raises Fail: when our seeder cannot.
        """
        ours = install_command(self._env.conf["env_dir"])
        if self._env.conf["install_command"].args[: len(ours)] != ours:
            self._seeds.place()
        super().install(arguments, section, of_type)
        if of_type != _DEPS or not self._seeds.wait_for_groups:
            self._seeds.place()

    def build_install_cmd(self, args: Sequence[str]) -> list[str]:
        """Return the command, which brings the seeds too where the environment has none yet."""
        seeds = [word for wheel in self._seeds.left() for word in ("--seed", str(wheel))]
        return super().build_install_cmd([*seeds, *args])


class ReflinkEnvironment(VirtualEnv, ABC):
    """A virtual environment that is made by our seeder, in one link mode."""

    def register_config(self) -> None:
        """Add ``reflink_link_mode`` to what an environment can be configured with."""
        super().register_config()
        self.conf.add_config(
            keys=["reflink_link_mode"],
            of_type=str,
            default=lambda conf, name: self.environment_variables.get(LINK_MODE.variable) or "auto",  # noqa: ARG005
            desc=LINK_MODE.help,
            post_process=_known_link_mode,
        )

    @property
    def installer(self) -> Pip:
        """What installs packages."""
        if not isinstance(self._installer, ReflinkInstaller):
            self._installer = ReflinkInstaller(self)
        return self._installer

    def python_cache(self) -> dict[str, Any]:
        """Return what the environment is made from; when that changes, tox makes it again."""
        return {**super().python_cache(), "reflink_link_mode": self.conf["reflink_link_mode"]}

    def create_python_env(self) -> None:
        """Make the environment.

        :raises Fail: when our seeder cannot seed it.
        """
        with failing():
            super().create_python_env()

    def virtualenv_env_vars(self) -> dict[str, str]:
        """Return the variables that virtualenv is run with.

        :raises Fail: when our seeder cannot work with it.
        """
        variables = super().virtualenv_env_vars()
        if self._other_virtualenv:
            # which has no plugin of ours
            variables.pop("VIRTUALENV_SEEDER", None)
            return variables
        from virtualenv_reflink.integrations.virtualenv.plugin import why_not

        if reason := why_not():
            raise Fail(reason)
        variables["VIRTUALENV_SEEDER"] = "reflink"
        variables[LINK_MODE.variable] = self.conf["reflink_link_mode"]
        # tox would take what our seeder raises for a Python that is missing
        with failing():
            check_variables(variables)
            if switch(variables.get(SHARE_MEMORY.variable) or "no"):
                check_sharing(variables[LINK_MODE.variable])
        return variables

    @property
    def _other_virtualenv(self) -> bool:
        """Whether tox runs another virtualenv than the one beside it."""
        return self._is_set("virtualenv_spec")

    def _is_set(self, key: str) -> bool:
        """Whether this version of tox has a setting, and the user a value for it."""
        return key in self.conf and bool(self.conf[key])

    @property
    def _allow_externals(self) -> list[str]:
        return [*super()._allow_externals, sys.executable]


class ReflinkRunner(ReflinkEnvironment, VirtualEnvRunner):
    """Runs commands in such an environment."""

    _emptied = False

    def setup(self) -> None:
        """Make the environment; the one that it replaces is deleted while commands run in the new one."""
        if self._emptied or not self.conf["recreate"] or any(map(self._is_set, _BEFORE_DELETION)):
            super().setup()
            return
        self._emptied = True
        with emptied(self.conf["env_dir"]):
            super().setup()

    def create_python_env(self) -> None:
        """Make the environment; its seeds come with its deps.

        :raises Fail: when that fails.
        """
        with Seeds(self).put_off():
            super().create_python_env()

    @staticmethod
    def id() -> str:
        """Return what users write after ``runner =``."""
        return "reflink"

    @property
    def _package_tox_env_type(self) -> str:
        # one packaging environment is for all, and tox lets it have one type
        return ReflinkPep517Packager.id() if self._packages_alone else super()._package_tox_env_type

    @property
    def _external_pkg_tox_env_type(self) -> str:
        return ReflinkCmdBuilder.id() if self._packages_alone else super()._external_pkg_tox_env_type

    @property
    def _packages_alone(self) -> bool:
        """Whether no environment with another runner needs the packaging environment."""
        return self.conf["package_env"] != self.core["package_env"] or all_have(self.id(), self.core)


class ReflinkPep517Packager(ReflinkEnvironment, Pep517VirtualEnvPackager):
    """Builds the package in such an environment."""

    @staticmethod
    def id() -> str:
        """Return the name of this type."""
        return "reflink-pep-517"


class ReflinkCmdBuilder(ReflinkEnvironment, VirtualEnvCmdBuilder):
    """Makes the package with a command in such an environment."""

    @staticmethod
    def id() -> str:
        """Return the name of this type."""
        return "reflink-cmd-builder"


def _known_link_mode(mode: str) -> str:
    if mode not in LINK_MODES:
        raise Fail(f"reflink_link_mode is {mode!r}, and must be one of {', '.join(LINK_MODES)}")
    return mode
