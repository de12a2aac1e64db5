"""What pip's variables and configuration files say to ``install``, where pip run for us cannot act on it.

What decides how requirements resolve and where they come from, pip reads there itself.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from pathlib import Path

from virtualenv_reflink.cli.pip_options import PIP_OPTIONS, PipOption, Treatment, variable_of
from virtualenv_reflink.errors import OptionError

_TRUE = ("y", "yes", "t", "true", "on", "1")
_FALSE = ("n", "no", "f", "false", "off", "0")
# variables of options that our parser declares itself, and what it calls them
_SWITCHES = {variable_of(dest): dest for dest in ("dry_run", "break_system_packages", "require_virtualenv", "user")}
_VALUES = {variable_of(dest): dest for dest in ("target", "prefix", "root", "report", "progress_bar")}
_LISTS = {"PIP_REQUIREMENT": "files", "PIP_EDITABLE": "editables", "PIP_GROUP": "groups"}
_FLAGS = [option for option in PIP_OPTIONS if option.treatment is Treatment.CHOICE and option.flag]
_FOREIGN = [option for option in PIP_OPTIONS if option.treatment is Treatment.FOREIGN]


def set_pip_defaults(parser: ArgumentParser, environ: Mapping[str, str]) -> None:
    """Give what variables of pip ask for to the parser of ``install`` as defaults.

    :raises OptionError: for a variable that stands for an option we do not have, or cannot be read.
    """
    asked = {name: value for name, value in environ.items() if name.startswith("PIP_") and value}
    for option in PIP_OPTIONS:
        if option.treatment is Treatment.REFUSED and option.variable in asked:
            _refuse_variable(option, asked[option.variable])
    parser.set_defaults(choices=[option.names[0] for option in _FLAGS if _is_true(asked, option.variable)])
    foreign = [(option.names[0], asked[option.variable].split()) for option in _FOREIGN if option.variable in asked]
    parser.set_defaults(foreign=[word for name, values in foreign for value in values for word in (name, value)])
    # to pip, both say whether to compile
    for name in ("PIP_COMPILE", "PIP_NO_COMPILE"):
        if name in asked:
            parser.set_defaults(no_compile_bytecode=not _is_true(asked, name))
    for name, dest in _SWITCHES.items():
        if name in asked:
            parser.set_defaults(**{dest: _is_true(asked, name)})
    for name, dest in _VALUES.items():
        if name in asked:
            parser.set_defaults(**{dest: asked[name]})
    for name, dest in _LISTS.items():
        if name in asked:
            parser.set_defaults(**{dest: asked[name].split()})


def configured_variables(environ: Mapping[str, str], prefix: Path) -> dict[str, str]:
    """Return what configuration files say as the variables that would say the same; those there are outweigh them.

    ``prefix`` is ``sys.prefix`` of the interpreter.
    """
    # a lazy boundary: where a lock is installed nothing of pip's is read
    from virtualenv_reflink.requirements.pip_configuration import options_of_install

    ours = {*(option.variable for option in (*_FLAGS, *_FOREIGN)), *_SWITCHES, *_VALUES}
    found = {variable_of(option.name): option.value for option in options_of_install(environ, prefix) or ()}
    return {name: value for name, value in found.items() if name in ours}


def _refuse_variable(option: PipOption, value: str) -> None:
    if not option.flag or _is_true({option.variable: value}, option.variable):
        raise OptionError(
            f"{option.variable}={value} asks for {option.names[0]} of pip, which is not supported here; "
            "unset it, or use pip"
        )


def _is_true(asked: Mapping[str, str], name: str) -> bool:
    value = asked.get(name, "no").lower()
    if value not in (*_TRUE, *_FALSE):
        raise OptionError(f"{name}={asked[name]} cannot be used; say yes or no")
    return value in _TRUE


def wants_isolation(words: Iterable[str]) -> bool:
    """Return whether pip is to pass over its variables."""
    return "--isolated" in words
