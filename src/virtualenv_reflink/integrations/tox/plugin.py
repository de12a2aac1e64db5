"""``runner = reflink``: tox environments that our seeder makes and our ``install`` fills."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from packaging.version import Version
from tox import __version__
from tox.plugin import impl

if TYPE_CHECKING:
    from tox.config.sets import ConfigSet
    from tox.session.state import State
    from tox.tox_env.register import ToxEnvRegister

_OLDEST = "4.22"


@impl(trylast=True)  # type: ignore[untyped-decorator,unused-ignore]
def tox_register_tox_env(register: ToxEnvRegister) -> None:
    """Tell tox of the runner ``reflink`` and of the packaging environments that go with it.

    The runner that is registered first is tox's default, and must stay so. A tox that is too old or too new goes on
    without.
    """
    if Version(__version__) < Version(_OLDEST):
        _leave_out(f"virtualenv-reflink needs tox {_OLDEST} or newer, and this is tox {__version__}")
        return
    try:
        from virtualenv_reflink.integrations.tox.environments import (
            ReflinkCmdBuilder,
            ReflinkPep517Packager,
            ReflinkRunner,
        )
    except ImportError as error:
        _leave_out(f"this virtualenv-reflink is too old for tox {__version__} ({error})")
        return
    register.add_run_env(ReflinkRunner)
    register.add_package_env(ReflinkPep517Packager)
    register.add_package_env(ReflinkCmdBuilder)


@impl  # type: ignore[untyped-decorator,unused-ignore]
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    """Note the configuration, by which an environment learns of the others."""
    from virtualenv_reflink.integrations.tox.runners import note_configuration

    note_configuration(core_conf, state.conf)


def _leave_out(why: str) -> None:
    logging.warning("%s; there is no runner reflink", why)
