"""The options of ``pip install``: what each means to our ``install``, and to our ``lock``."""

from argparse import SUPPRESS, Action, ArgumentParser, Namespace
from enum import Enum
from typing import Any, NamedTuple, NoReturn


class Treatment(Enum):
    """What is done with an option of pip."""

    SOURCE = "handed to pip, whatever it is run for"
    CHOICE = "handed to pip where it resolves"
    FOREIGN = "handed to pip where it chooses wheels for another Python"
    IDLE = "taken, and means nothing here"
    REFUSED = "refused by name"


class PipOption(NamedTuple):
    """An option of pip by its names, the best known long one first; a value follows it unless it is a ``flag``."""

    names: tuple[str, ...]
    treatment: Treatment
    flag: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that pip gives to it."""
        return variable_of(self.names[0])


def _options(treatment: Treatment, flag: bool, *lines: str) -> list[PipOption]:
    return [PipOption(tuple(line.split()), treatment, flag) for line in lines]


PIP_OPTIONS = [
    *_options(
        Treatment.SOURCE,
        False,
        "--index-url -i --pypi-url",
        "--extra-index-url",
        "--find-links -f",
        "--no-binary",
        "--only-binary",
        "--all-releases",
        "--only-final",
        "--config-settings -C --config-setting",
        "--build-constraint",
        "--uploaded-prior-to",
        "--refresh-package",
        "--trusted-host",
        "--proxy",
        "--timeout --default-timeout",
        "--retries",
        "--resume-retries",
        "--cert",
        "--client-cert",
        "--keyring-provider",
        "--cache-dir",
        "--exists-action",
        "--log --log-file --local-log",
        "--use-feature",
        "--use-deprecated",
    ),
    *_options(
        Treatment.SOURCE,
        True,
        "--no-index",
        "--pre",
        "--prefer-binary",
        "--require-hashes",
        "--no-require-hashes",
        "--no-build-isolation",
        "--check-build-dependencies",
        "--ignore-requires-python",
        "--no-cache-dir",
        "--no-proxy-env",
        "--no-clean",
        "--isolated",
        "--debug",
    ),
    *_options(Treatment.CHOICE, False, "--upgrade-strategy"),
    *_options(
        Treatment.CHOICE,
        True,
        "--upgrade -U",
        "--force-reinstall",
        "--no-deps --no-dependencies",
        "--ignore-installed -I",
    ),
    *_options(Treatment.FOREIGN, False, "--platform", "--python-version", "--implementation", "--abi"),
    *_options(Treatment.IDLE, False, "--root-user-action"),
    *_options(
        Treatment.IDLE,
        True,
        "--no-input",
        "--no-color",
        "--disable-pip-version-check",
        "--no-warn-script-location",
        "--no-warn-conflicts",
    ),
    *_options(
        Treatment.REFUSED,
        False,
        "--src --source --source-dir --source-directory",
        "--requirements-from-script",
    ),
    *_options(Treatment.REFUSED, True, "--only-deps"),
]
# what our parser declares by itself, with pip's meaning
DECLARED = (
    *("--requirement", "--constraint", "--editable", "--group", "--target", "--prefix", "--root", "--user", "--report"),
    *("--dry-run", "--break-system-packages", "--require-virtualenv", "--compile", "--no-compile", "--progress-bar"),
    *("--python", "--help", "--verbose", "--quiet"),
)


class _Words(Action):
    """Collects an option of pip, with its value if it has one, as the words to hand on."""

    def __call__(self, _: ArgumentParser, namespace: Namespace, values: Any, __: str | None = None) -> None:
        words = [*(getattr(namespace, self.dest) or ()), self.option_strings[0]]
        setattr(namespace, self.dest, words if self.nargs == 0 else [*words, values])


class _Idle(Action):
    def __call__(self, *_: Any) -> None:
        """Do nothing."""


class _Refused(Action):
    def __call__(self, parser: ArgumentParser, _: Namespace, __: Any, name: str | None = None) -> NoReturn:
        """End as for an option that no pip has either, but say that this one is pip's."""
        parser.error(f"unrecognized arguments: {name} (an option of pip that is not supported here)")


_ACTIONS = {
    Treatment.SOURCE: (_Words, "sources"),
    Treatment.CHOICE: (_Words, "choices"),
    Treatment.FOREIGN: (_Words, "foreign"),
    Treatment.IDLE: (_Idle, SUPPRESS),
    Treatment.REFUSED: (_Refused, SUPPRESS),
}


def add_pip_options(parser: ArgumentParser, *, choices: bool) -> None:
    """Add pip's options; they end in ``sources`` and, if those are asked for, in ``choices`` and ``foreign``."""
    for treatment, (action, dest) in _ACTIONS.items():
        options = [option for option in PIP_OPTIONS if option.treatment is treatment]
        if treatment in {Treatment.CHOICE, Treatment.FOREIGN} and not choices:
            continue
        names = " ".join(option.names[0] for option in options)
        group = parser.add_argument_group(f"pip's options, {treatment.value}", names)
        for option in options:
            values = 0 if option.flag else None
            group.add_argument(
                *option.names, dest=dest, action=action, nargs=values, default=_initial(dest), help=SUPPRESS
            )


def variable_of(name: str) -> str:
    """Return the environment variable that pip gives to an option."""
    return "PIP_" + name.lstrip("-").replace("-", "_").upper()


def _initial(dest: str) -> Any:
    return SUPPRESS if dest is SUPPRESS else []
