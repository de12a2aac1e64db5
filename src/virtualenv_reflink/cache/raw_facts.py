"""What an interpreter knows of itself; run by the target, so it keeps to Python 3.6 and its library."""

import importlib.util
import os
import platform
import struct
import sys
import sysconfig
from typing import Any, Dict, Optional


def raw_facts() -> Dict[str, Any]:
    """Return what wheel tags and markers are computed from.

    ``markers`` are the values of the dependency specifiers specification (PEP 508) as they stand there.
    """
    return {
        "cache_tag": sys.implementation.cache_tag,
        "magic_number": importlib.util.MAGIC_NUMBER.hex(),
        "implementation": sys.implementation.name,
        "version": sys.version_info[:2],
        "version_nodot": sysconfig.get_config_var("py_version_nodot"),
        "debug": _debug(),
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "extension_suffix": sysconfig.get_config_var("EXT_SUFFIX"),
        "platform": sysconfig.get_platform(),
        "bits": struct.calcsize("P") * 8,
        "glibc": _glibc(),
        "macos": platform.mac_ver()[0],
        "markers": {
            "implementation_name": sys.implementation.name,
            "implementation_version": _full_version(sys.implementation.version),
            "os_name": os.name,
            "platform_machine": platform.machine(),
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "python_full_version": platform.python_version(),
            "platform_python_implementation": platform.python_implementation(),
            "python_version": ".".join(platform.python_version_tuple()[:2]),
            "sys_platform": sys.platform,
        },
    }


def _debug() -> bool:
    asked = sysconfig.get_config_var("Py_DEBUG")
    # Windows does not say
    return hasattr(sys, "gettotalrefcount") if asked is None else bool(asked)


def _glibc() -> Optional[str]:
    try:
        # as "glibc 2.17"
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(" ")[2] or None
    except (AttributeError, OSError, ValueError):
        return None


def _full_version(info: Any) -> str:
    version = "{0.major}.{0.minor}.{0.micro}".format(info)
    return version if info.releaselevel == "final" else version + info.releaselevel[0] + str(info.serial)
