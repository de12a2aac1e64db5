"""``runner = reflink``: tox environments that our seeder makes and our ``install`` fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tox.plugin import impl

if TYPE_CHECKING:
    from tox.tox_env.register import ToxEnvRegister


@impl(trylast=True)  # type: ignore[untyped-decorator,unused-ignore]
def tox_register_tox_env(register: ToxEnvRegister) -> None:
    """Tell tox of the runner ``reflink`` and of the packaging environments that go with it.

    The runner that is registered first is tox's default, and must stay so.
    """
    from virtualenv_reflink.tox_environments import ReflinkCmdBuilder, ReflinkPep517Packager, ReflinkRunner

    register.add_run_env(ReflinkRunner)
    register.add_package_env(ReflinkPep517Packager)
    register.add_package_env(ReflinkCmdBuilder)
