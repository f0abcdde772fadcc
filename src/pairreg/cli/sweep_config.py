"""The configs of a sweep as Hydra composes them: one that is for all of its jobs, and that of each job."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig

from pairreg import option_files
from pairreg.cli.hydra_errors import unknown_key
from pairreg.errors import InputError
from pairreg.study.composer import Composer


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


def job_configs(composer: Composer, jobs: Sequence[Sequence[str]]) -> Iterator[DictConfig]:
    """Yield the config of each job, given by its overrides.

    Raises `InputError` for a setting that only some of the jobs have, which names what the others choose; what Hydra
    raises for one that none of them has.
    """
    for overrides in jobs:
        try:
            yield composer.config(overrides)
        except ConfigCompositionException as error:
            setting = unknown_key(error)
            choices = "" if setting is None else _choices_without(setting, composer, jobs)
            if not choices:
                raise
            said = f"{setting} does not exist with {choices}; leave out the setting, or what does not have it."
            raise InputError(said) from error


def _choices_without(setting: str, composer: Composer, jobs: Sequence[Sequence[str]]) -> str:
    """Return what only jobs without a setting choose, such as `method=demons,elastix`; nothing if all are without it.

    One job is composed for each choice of options, so that a misspelt setting costs little however large the sweep is.
    """
    groups = {key for key in {_key(one) for job in jobs for one in job} if composer.is_group(key)}
    examples = {tuple(one for one in job if _key(one) in groups): job for job in jobs}
    lacking = [choice for choice, job in examples.items() if _lacks(setting, composer, job)]
    if len(lacking) == len(examples):
        return ""
    elsewhere = {one for choice in examples if choice not in lacking for one in choice}
    values: dict[str, list[str]] = {}
    for one in dict.fromkeys(one for choice in lacking for one in choice if one not in elsewhere):
        values.setdefault(_key(one), []).append(one.partition("=")[2])
    return " and ".join(f"{key}={','.join(chosen)}" for key, chosen in values.items())


def _lacks(setting: str, composer: Composer, job: Sequence[str]) -> bool:
    try:
        composer.config(job)
    except ConfigCompositionException as error:
        return unknown_key(error) == setting
    return False


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")


def _is_setting_of_option(key: str) -> bool:
    group, _, setting = key.partition(".")
    return bool(setting) and group in option_files.groups()
