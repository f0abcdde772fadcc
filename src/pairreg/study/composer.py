"""The configs of the jobs of a sweep: what jobs share is composed once."""

import pickle
from collections.abc import Iterator, Sequence
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError

from pairreg.errors import InputError


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

    def configs(self, jobs: Sequence[Sequence[str]]) -> Iterator[DictConfig]:
        """Yield the config of each job, given by its overrides.

        Raises `InputError` for a setting that only some of the jobs have, which names what the others choose; what
        Hydra raises for one that none of them has.
        """
        for overrides in jobs:
            try:
                yield self.config(overrides)
            except ConfigCompositionException as error:
                setting = unknown_key(error)
                choices = "" if setting is None else self._choices_without(setting, jobs)
                if not choices:
                    raise
                said = f"{setting} does not exist with {choices}; leave out the setting, or what does not have it."
                raise InputError(said) from error

    def _choices_without(self, setting: str, jobs: Sequence[Sequence[str]]) -> str:
        """Return what only jobs without a setting choose, as `method=demons,elastix`; nothing if all are without it.

        One job is composed for each choice of options, so that a misspelt setting costs little however large the sweep
        is.
        """
        groups = {key for key in {_key(one) for job in jobs for one in job} if self.loader.get_group_options(key)}
        examples = {tuple(one for one in job if _key(one) in groups): job for job in jobs}
        lacking = [choice for choice, job in examples.items() if self._lacks(setting, job)]
        if len(lacking) == len(examples):
            return ""
        elsewhere = {one for choice in examples if choice not in lacking for one in choice}
        values: dict[str, list[str]] = {}
        for one in dict.fromkeys(one for choice in lacking for one in choice if one not in elsewhere):
            values.setdefault(_key(one), []).append(one.partition("=")[2])
        return " and ".join(f"{key}={','.join(chosen)}" for key, chosen in values.items())

    def _lacks(self, setting: str, job: Sequence[str]) -> bool:
        try:
            self.config(job)
        except ConfigCompositionException as error:
            return unknown_key(error) == setting
        return False

    def _parse(self, line: str) -> tuple[Override, bool]:
        """Return an override, and whether it sets a value: the others decide which files Hydra reads."""
        if line not in self._parsed:
            (one,) = OverridesParser.create().parse_overrides([line])
            is_refused = one.is_sweep_override() or one.is_hydra_override()  # or checked, by the loader
            chooses = self.loader.get_group_options(one.key_or_group) and not isinstance(one.value(), dict)
            self._parsed[line] = one, not (is_refused or chooses)
        return self._parsed[line]


def unknown_key(error: Exception) -> str | None:
    """Return the key, such as `transform.width`, that a config lacked when Hydra composed it; None: another error."""
    cause = error.__cause__
    return str(cause.full_key) if isinstance(cause, ConfigAttributeError | ConfigKeyError) else None


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")
