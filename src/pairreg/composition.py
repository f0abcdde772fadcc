"""Configs as Hydra composes them, for the command line and for Python alike."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from hydra import compose, initialize_config_module
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf, open_dict

from pairreg.devices import native_precision
from pairreg.errors import InputError
from pairreg.names import TERM_GROUPS, check_distinct_terms, named_term

_CONFIG_MODULE = "pairreg.conf"
_LAUNCHER = {"_target_": "pairreg.cli.launcher.StudyLauncher"}  # Hydra imports it when a command launches runs


@dataclass
class _Sweep:
    """The settings of `hydra/sweeper=basic`, Hydra's default, for which ours stands in."""

    _target_: str = "pairreg.search.product.ProductSweeper"
    _convert_: str = "all"  # plain dictionaries and lists
    params: dict[str, str] = field(default_factory=dict)  # key -> values; those on the command line count more
    zip: list[list[str]] = field(default_factory=list)  # groups of keys that advance together


class ExperimentsSearchPath(SearchPathPlugin):
    """Has Hydra find the groups of `experiments/` like those of `conf/`, also in `--help` and tab completion."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append("pairreg", "pkg://pairreg.experiments")


@cache
def register_search_path() -> None:
    """Tell Hydra of `experiments/`, and what `config.yaml` refers to, once in a process.

    In code: every Hydra program of the environment would load what lies in the package `hydra_plugins`.
    """
    plugins = Plugins.instance()
    inside = plugins.is_in_toplevel_plugins_module
    vars(plugins)["is_in_toplevel_plugins_module"] = lambda name: name.startswith("pairreg.") or inside(name)
    plugins.register(ExperimentsSearchPath)
    # In the place of Hydra's own: `override hydra/sweeper` in config.yaml would win over that of a study.
    sweep: DictConfig = OmegaConf.structured(_Sweep)
    OmegaConf.set_struct(sweep.params, False)  # the command line adds to them without a +
    ConfigStore.instance().store(group="hydra/sweeper", name="basic", node=sweep, provider="pairreg")
    ConfigStore.instance().store(group="hydra/launcher", name="pairreg", node=_LAUNCHER, provider="pairreg")
    # A config that asks for it has the answer in its run folder, and in the signature of the run.
    _read_named_terms()
    _keep_chosen_terms()
    _check_choices()
    OmegaConf.register_new_resolver("native_precision", native_precision, replace=True)


def _read_named_terms() -> None:
    """Have Hydra read `pet:ncc` in a group of terms as the option `ncc` under the key `pet`.

    Its own `ncc@similarity.pet` would put a term one level too deep, as an option file names its term itself.
    """
    exists, load = ConfigRepository.config_exists, ConfigRepository.load_config

    def config_exists(repository: Any, config_path: str) -> bool:
        group, _, name = config_path.rpartition("/")
        return exists(repository, f"{group}/{named_term(name)[1]}" if group in TERM_GROUPS else config_path)

    def load_config(repository: Any, config_path: str) -> Any:
        group, _, name = config_path.rpartition("/")
        key, option = named_term(name)
        if group not in TERM_GROUPS or key == option:
            return load(repository, config_path)
        found = load(repository, f"{group}/{option}")
        return found and _renamed(found, group, key, option)

    for owner, replacement in ((ConfigRepository, config_exists), (ConfigRepository, load_config)):
        setattr(owner, replacement.__name__, replacement)


def _keep_chosen_terms() -> None:
    """Have Hydra check the names of terms, and keep which options give them; of a list of options, it forgets these.

    They are there before the settings of a command line are applied, so that an error in a setting can name them.
    """
    merge = ConfigLoaderImpl._compose_config_from_defaults_list

    def merged(loader: Any, defaults: Any, repo: Any) -> Any:
        for group in TERM_GROUPS:
            check_distinct_terms([name for name, _ in _of_group(group, defaults)])
        config = merge(loader, defaults, repo)
        with open_dict(config):
            for group in TERM_GROUPS:
                chosen = [name for name, is_of_variant in _of_group(group, defaults) if not is_of_variant]
                config.hydra.runtime.choices[group] = ",".join(chosen)
        return config

    setattr(ConfigLoaderImpl, merge.__name__, merged)


def _check_choices() -> None:
    """Have Hydra refuse a list for a group of one option, and what is no name in a list for a group of terms.

    It would take the last option of such a list for each setting and forget which there were, and break at a number.
    """
    parse = ConfigLoaderImpl._parse_overrides_and_create_caching_repo

    def parsed(loader: Any, config_name: str | None, overrides: list[str]) -> Any:
        found, repository = parse(loader, config_name, overrides)
        for one in found:
            group, choice = one.key_or_group, None if one.is_sweep_override() else one.value()
            if isinstance(choice, list) and repository.group_exists(group):
                _check_choice(group, choice)
        return found, repository

    setattr(ConfigLoaderImpl, parse.__name__, parsed)


def _check_choice(group: str, choice: Sequence[Any]) -> None:
    given = ",".join(map(str, choice))
    if group not in TERM_GROUPS:
        raise InputError(
            f"{group} should be one option; it is [{given}]; {group}={given} with -m makes a run with each of them."
        )
    if not all(isinstance(option, str) for option in choice):
        raise InputError(f"{group} should be a list of options by name; it is [{given}].")


def _of_group(group: str, defaults: Any) -> list[tuple[str, bool]]:
    """Return the options of a group among Hydra's defaults, and whether each is there as a part of a variant."""
    options = [one for one in defaults if str(one.config_path).startswith(f"{group}/")]
    return [(one.config_path.removeprefix(f"{group}/"), str(one.parent).startswith(f"{group}/")) for one in options]


def quoted(value: str) -> str:
    """Return a text as Hydra reads it back unchanged: without quotes `12_1` would be the number 121."""
    return QuotedString(value, Quote.single).with_quotes()


def chosen_terms(config: DictConfig, group: str) -> list[str]:
    """Return the options of a group of terms, variants as such, of a config with its `hydra` node."""
    return [name for name in config.hydra.runtime.choices[group].split(",") if name]


def _renamed(found: Any, group: str, key: str, option: str) -> Any:
    """Return what Hydra has read of an option file with its term under `key`.

    Raises `InputError` for a variant, which is several terms or settings of some.
    """
    if "_target_" not in (found.config.get(option) or {}):
        raise InputError(f"{group}={key}:{option} should give its own name to one option; {option} is a variant.")
    return replace(found, config=OmegaConf.create({key: found.config[option]}))


def composed(overrides: Sequence[str]) -> Mapping[str, Any]:
    """Return the config of a command with these overrides, such as `["preset=fast"]`, without Hydra's own part.

    Raises Hydra's errors for groups and options that do not exist. Hydra's global state is left as it was.
    """
    with _own_hydra():
        config: Any = OmegaConf.to_container(compose("config", list(overrides)), resolve=True)
    return config


def composed_with_hydra(overrides: Sequence[str]) -> DictConfig:
    """Return the same with Hydra's own part, which knows what was chosen; nothing is resolved."""
    with _own_hydra():
        return compose("config", list(overrides), return_hydra_config=True)


@contextmanager
def _own_hydra() -> Iterator[None]:
    """Have Hydra find our options during the block.

    What the caller has initialised is put aside, because Hydra refuses to be initialised twice.
    """
    register_search_path()
    of_caller = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_module(_CONFIG_MODULE, version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().hydra = of_caller  # Hydra has put another instance in its place
