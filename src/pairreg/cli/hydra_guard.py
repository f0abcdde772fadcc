"""What Hydra may do for a config: compose it, and hand the jobs to our launcher.

Hydra itself instantiates whatever its own part of a config names (callbacks, handlers of logs, arguments of launchers),
sets variables of the environment, makes folders and unpickles. Configs are passed on between people, so all of that is
refused before Hydra gets to it.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from pairreg.bounded_yaml import check_yaml
from pairreg.errors import InputError

_PLUGINS = ("launcher._target_", "sweeper._target_")  # classes that are registered: ours, and of installed plugins
_BUILDS = ("_target_", "()", "class")  # keys by which Hydra and Python's logging choose what to call
_FIXED = {
    "callbacks": {},
    "job.env_set": {},
    "job.chdir": False,
    "output_subdir": None,
    "run.dir": ".",
    "sweep.dir": ".",
    "sweep.subdir": ".",
    "searchpath": [],
}


@cache
def guard_hydra() -> None:
    """Have Hydra check every file of a `--config-dir` before it is read, and every config before it is used.

    Once in a process, however many commands it runs.
    """
    files: Any = SourcesRegistry.instance().resolve("file")
    read, compose = files.load_config, ConfigLoaderImpl.load_configuration

    def load_config(source: Any, config_path: str) -> Any:
        path = Path(source.path) / source._normalize_file_name(config_path)
        if path.is_file():
            check_yaml(path)
        return read(source, config_path)

    def load_configuration(*arguments: Any, **more: Any) -> Any:
        config = compose(*arguments, **more)
        check_hydra(OmegaConf.to_container(config.hydra, resolve=False))
        return config

    for owner, replacement in ((files, load_config), (ConfigLoaderImpl, load_configuration)):
        setattr(owner, replacement.__name__, replacement)


def check_hydra(node: Any) -> None:
    """Raise `InputError` for settings below `hydra` that run code or write files; `node` is a plain mapping."""
    for name, value in _flat(node):
        key = name.rpartition(".")[2]
        if name in _PLUGINS and value in Plugins.instance().class_name_to_class:
            continue
        if key in _BUILDS:
            raise InputError(f"hydra.{name}={value} would run code; leave it out.")
    for name, wanted in _FIXED.items():
        found = node
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if found != wanted and found not in ({}, None):
            raise InputError(f"hydra.{name}={found!r} is not supported; leave it out.")


def _flat(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every setting below `node` by its name, such as `("launcher._target_", "…")`."""
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        if isinstance(value, Mapping | list) and key not in _BUILDS:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
