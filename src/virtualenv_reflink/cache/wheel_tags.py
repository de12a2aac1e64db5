"""The wheel tags that an interpreter supports (PEP 425), computed from what it says of itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from glob import glob
from typing import Any

from packaging import tags

from virtualenv_reflink.cache.raw_facts import raw_facts

# What decides about the tags of a platform.
_PLATFORM = ("platform", "bits", "glibc", "macos")
_NARROW = {"linux_x86_64": "linux_i686", "linux_aarch64": "linux_armv8l"}
# The first glibc of a profile that had a name before PEP 600.
_NAMED_PROFILES = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}


def wheel_tags(facts: Mapping[str, Any]) -> list[str]:
    """Return what packaging would find out in the interpreter of which :func:`raw_facts` are given, best first."""
    name = tags.INTERPRETER_SHORT_NAMES.get(facts["implementation"]) or facts["implementation"]
    version = tuple(facts["version"])
    number = facts["version_nodot"] or "".join(map(str, version))
    platforms = list(_platforms(facts))
    if name == "cp":
        found = [*tags.cpython_tags(version, list(_cpython_abis(facts)), platforms)]
    else:
        found = [*tags.generic_tags(f"{name}{number}", _generic_abis(facts["extension_suffix"]), platforms)]
    interpreter = {"cp": f"cp{number}", "pp": "pp3"}.get(name)
    return [str(tag) for tag in [*found, *tags.compatible_tags(version, interpreter, platforms)]]


def _cpython_abis(facts: Mapping[str, Any]) -> Iterator[str]:
    version = tuple(facts["version"])
    abi = "cp" + "".join(map(str, version)) + ("t" if facts["free_threaded"] else "")
    if facts["debug"]:
        yield f"{abi}d"
    # which a debug build can load as well
    yield abi


def _generic_abis(extension_suffix: str | None) -> list[str]:
    """Return the ABI that the names of extension modules tell, as ``.pypy311-pp73-x86_64-linux-gnu.so``."""
    words = (extension_suffix or "").split(".")
    if len(words) < 3 or not words[1]:
        return []
    parts = {"pypy": 2, "graalpy": 3}
    count = next((number for name, number in parts.items() if words[1].startswith(name)), None)
    return [_normalized("-".join(words[1].split("-")[:count]))]


def _platforms(facts: Mapping[str, Any]) -> Iterator[str]:
    ours = raw_facts()
    if all(facts[name] == ours[name] for name in _PLATFORM):
        return tags.platform_tags()
    platform: str = _normalized(facts["platform"])
    if platform.startswith("macosx_"):
        version = facts["macos"].split(".")
        return tags.mac_platforms((int(version[0]), int(version[1])), facts["markers"]["platform_machine"])
    if platform.startswith("linux_"):
        return _linux_platforms(_NARROW.get(platform, platform) if facts["bits"] == 32 else platform, facts["glibc"])
    return iter([platform])


def _linux_platforms(platform: str, glibc: str | None) -> Iterator[str]:
    """Yield the platforms of an interpreter that is built for another libc or width than the one that runs this."""
    machine = platform.removeprefix("linux_")
    machines = ["armv8l", "armv7l"] if machine == "armv8l" else [machine]
    yield from (f"linux_{each}" for each in machines)
    oldest = 5 if machine in ("x86_64", "i686") else 17
    for each in machines:
        if glibc is None:
            yield from _musl_platforms(each)
            continue
        major, minor = map(int, glibc.split(".")[:2])
        for number in range(minor, oldest - 1, -1):
            yield f"manylinux_{major}_{number}_{each}"
            if named := _NAMED_PROFILES.get(number):
                yield f"{named}_{each}"


def _musl_platforms(machine: str) -> Iterator[str]:
    """Yield the platforms of musl (PEP 656), whose loader tells its version when it is called with nothing."""
    for loader in glob("/lib/ld-musl-*.so.1"):
        with suppress(OSError, ValueError, IndexError):
            said = subprocess.run([loader], capture_output=True, text=True, check=False).stderr
            major, minor = said.split("Version ")[1].split(".")[:2]
            yield from (f"musllinux_{major}_{number}_{machine}" for number in range(int(minor), -1, -1))
            return


def _normalized(text: str) -> str:
    return text.replace(".", "_").replace("-", "_").replace(" ", "_")
