"""The configs of a sweep as Hydra composes them: one that is for all of its jobs, and that of each job."""

from collections.abc import Sequence
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig

from pairreg import option_files
from pairreg.cli.hydra_errors import unknown_key
from pairreg.errors import InputError


def leave_settings_to_jobs() -> None:
    """Have Hydra compose a sweep although a setting is that of an option which only its jobs choose.

    Hydra first composes a config for the whole sweep, with the default option in the place of those that are swept. Of
    that one only the study and Hydra's own part are used, and every job is composed with all settings again.
    """
    compose = ConfigLoaderImpl.load_configuration

    def load_configuration(
        loader: ConfigLoaderImpl, config_name: str | None, overrides: list[str], run_mode: RunMode, **more: Any
    ) -> DictConfig:
        try:
            return compose(loader, config_name, overrides, run_mode, **more)
        except ConfigCompositionException as error:
            if run_mode is not RunMode.MULTIRUN or unknown_key(error) is None:
                raise
        parsed = OverridesParser.create().parse_overrides(overrides)
        kept = [str(one.input_line) for one in parsed if not _is_setting_of_option(one.key_or_group)]
        config = compose(loader, config_name, kept, run_mode, **more)
        config.hydra.overrides.task = [str(one.input_line) for one in parsed if not one.is_hydra_override()]
        return config

    setattr(ConfigLoaderImpl, compose.__name__, load_configuration)


def job_configs(loader: ConfigLoader, sweep: DictConfig, jobs: Sequence[Sequence[str]]) -> list[DictConfig]:
    """Return the config of each job, given by its overrides.

    Raises `InputError` for a setting that only some of the jobs have, which names what the others choose; what Hydra
    raises for one that none of them has.
    """
    composed, lacking = [], []
    for overrides in jobs:
        try:
            composed.append(loader.load_sweep_config(sweep, list(overrides)))
        except ConfigCompositionException as error:
            lacking.append((overrides, error))
    if not lacking:
        return composed
    first = lacking[0][1]
    setting = unknown_key(first)
    without = [overrides for overrides, error in lacking if unknown_key(error) == setting]
    choices = _only_of(without, [overrides for overrides in jobs if overrides not in without])
    if setting is None or not choices:
        raise first
    raise InputError(f"{setting} does not exist with {choices}; leave out the setting, or what does not have it.")


def _is_setting_of_option(key: str) -> bool:
    group, _, setting = key.partition(".")
    return bool(setting) and group in option_files.groups()


def _only_of(some: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> str:
    """Return the overrides that only `some` jobs have, such as `method=demons,elastix`; none if there are no others."""
    common = {override for overrides in others or some for override in overrides}
    values: dict[str, list[str]] = {}
    for override in dict.fromkeys(override for overrides in some for override in overrides):
        if override not in common:
            key, _, value = override.partition("=")
            values.setdefault(key, []).append(value)
    return " and ".join(f"{key}={','.join(given)}" for key, given in values.items())
