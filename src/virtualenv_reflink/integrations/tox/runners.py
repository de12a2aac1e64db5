"""Which runners the environments of a project have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from tox.config.main import Config
    from tox.config.sets import ConfigSet

_configurations: WeakKeyDictionary[ConfigSet, Config] = WeakKeyDictionary()


def note_configuration(core: ConfigSet, configuration: Config) -> None:
    """Note the configuration that a core section is of: tox tells plugins, and no environment."""
    _configurations[core] = configuration


def all_have(runner: str, core: ConfigSet) -> bool:
    """Return whether every environment of a project surely has that runner.

    Packaging environments have none, and begin with a dot unless the user names them.
    """
    configuration = _configurations.get(core)
    if configuration is None:
        return False
    names = [name for name in configuration if not name.startswith(".") and name != core["package_env"]]
    return all(_runner_of(name, configuration) == runner for name in names)


def _runner_of(name: str, configuration: Config) -> Any:
    """Return what is written for the runner of an environment: a text, unless it is to be put together first."""
    for loader in configuration.get_env(name).loaders:
        try:
            return loader.load_raw("runner", configuration, name)
        except KeyError:
            continue
    return configuration.options.default_runner
