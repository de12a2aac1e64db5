"""The native core, which is left out where it cannot be compiled; all else is in pyproject.toml."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel

# free-threaded builds have no stable ABI before Python 3.15, and one of their own from then on, PEP 803
STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")
OLDEST = "cp310"
# what an earlier build left would be built into the wheel
BUILD = TemporaryDirectory()


class WheelOfWhatWasBuilt(bdist_wheel):
    """A wheel for every platform where the compiler has failed."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tag, once all that is in the wheel has been built."""
        native = any(Path(self.bdist_dir).rglob("_native*.so"))
        return super().get_tag() if native else ("py3", "none", "any")


NATIVE = Extension(
    "virtualenv_reflink.filesystem._native",
    ["src/virtualenv_reflink/filesystem/_native.c"],
    define_macros=[("Py_LIMITED_API", "0x030A0000")] if STABLE else [],
    extra_compile_args=["-pthread"],
    extra_link_args=["-pthread"],
    optional=True,
    py_limited_api=STABLE,
)

setup(
    ext_modules=[NATIVE] if sys.platform == "linux" else [],
    cmdclass={"bdist_wheel": WheelOfWhatWasBuilt},
    options={
        "build": {"build_base": BUILD.name},
        "bdist_wheel": {"py_limited_api": OLDEST} if STABLE else {},
    },
)
