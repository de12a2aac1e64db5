"""The mistakes and limits a user is told about, each as one sentence."""

from __future__ import annotations


class ReflinkError(RuntimeError):
    """A failure that is not a bug of ours; its message names the thing, the reason and what to do."""


class BadWheelError(ReflinkError):
    """A wheel breaks the binary distribution format, or is not what it says it is."""

    def __init__(self, wheel: str, reason: str) -> None:
        super().__init__(f"{wheel} cannot be used: {reason}")


class OtherWheelError(BadWheelError):
    """A wheel is not the one that was asked for; ``digest`` is its SHA-256."""

    def __init__(self, wheel: str, digest: str) -> None:
        super().__init__(wheel, "it changed while it was read")
        self.digest = digest


class CacheError(ReflinkError):
    """The wheel cache cannot be read, written or trusted."""


class CacheLostError(CacheError):
    """What was in the wheel cache was taken away while it was made or used."""


class LinkModeError(ReflinkError):
    """The link mode asked for is impossible between this cache and this environment."""


class InstallError(ReflinkError):
    """A wheel cannot be put into the environment."""


class TargetError(ReflinkError):
    """What an installation is for cannot be found, or must not be changed."""


class ResolveError(ReflinkError):
    """The requirements cannot be turned into wheels; the message ends with what pip said."""


class LockError(ReflinkError):
    """A lock cannot be read, or is not for this environment."""


class PipxError(ReflinkError):
    """There is no pipx whose environments can be made here."""


class IniError(ReflinkError):
    """virtualenv's configuration file cannot be read, written or changed safely."""


class OptionError(ReflinkError):
    """An option has a value that it cannot have."""


class MissingExtraError(ReflinkError):
    """A command needs what only an extra of this project installs."""


class SharingError(ReflinkError):
    """What environments hold twice cannot be shared."""
