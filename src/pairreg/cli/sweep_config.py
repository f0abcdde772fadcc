"""The config of a sweep as Hydra composes it, one that is for all of its jobs."""

from functools import cache
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig

from pairreg import option_files
from pairreg.study.composer import unknown_key


@cache
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


def _is_setting_of_option(key: str) -> bool:
    group, _, setting = key.partition(".")
    return bool(setting) and group in option_files.groups()
