"""The configs of the jobs of a sweep: what jobs share is composed once."""

import pickle
from collections.abc import Sequence
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig


class Composer:
    """Composes the config of each job of a sweep, a thousand of them in seconds.

    Hydra needs 0.1 s to compose a config from its files. Those of jobs that choose the same options differ in values
    alone: they are composed once, and the values of each job are set in a copy, as Hydra sets them.
    """

    def __init__(self, loader: ConfigLoader, sweep: DictConfig):
        self.loader, self.sweep = loader, sweep
        self._parsed: dict[str, tuple[Override, bool]] = {}
        self._composed: dict[tuple[str, ...], bytes] = {}

    def config(self, overrides: Sequence[str]) -> DictConfig:
        """Return the config of the job with these overrides, which includes its `hydra` node.

        Raises what Hydra raises for overrides that cannot be read, or that the config has no place for.
        """
        parsed = [self._parse(line) for line in overrides]
        choices = tuple(line for line, (_, is_value) in zip(overrides, parsed, strict=True) if not is_value)
        if choices not in self._composed:
            self._composed[choices] = pickle.dumps(self.loader.load_sweep_config(self.sweep, list(choices)))
        config: Any = pickle.loads(self._composed[choices])  # a fifth of the time of a deep copy
        ConfigLoaderImpl._apply_overrides_to_config([one for one, is_value in parsed if is_value], config)
        return config

    def is_group(self, key: str) -> bool:
        """Return whether a key of an override chooses options."""
        return bool(self.loader.get_group_options(key))

    def _parse(self, line: str) -> tuple[Override, bool]:
        """Return an override, and whether it sets a value: the others decide which files Hydra reads."""
        if line not in self._parsed:
            (one,) = OverridesParser.create().parse_overrides([line])
            is_refused = one.is_sweep_override() or one.is_hydra_override()  # or checked, by the loader
            chooses = self.is_group(one.key_or_group) and not isinstance(one.value(), dict)
            self._parsed[line] = one, not (is_refused or chooses)
        return self._parsed[line]
