"""The launcher and the sweeper that Hydra uses for us."""

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins

from pairreg.cli.launcher import StudyLauncher
from pairreg.cli.sweep_config import leave_settings_to_jobs
from pairreg.composition import register_search_path
from pairreg.search.matched import MatchedSweeper, match_node
from pairreg.search.product import ProductSweeper
from pairreg.search.sweeper import SearchSweeper, search_node


def register_plugins() -> None:
    """Register what the command line needs beyond `pairreg.composition`."""
    register_search_path()
    for plugin in (StudyLauncher, ProductSweeper, SearchSweeper, MatchedSweeper):
        Plugins.instance().register(plugin)
    leave_settings_to_jobs()
    # Hydra copies its whole store for each of the groups that `--help` lists, and again whatever it loads from it.
    setattr(ConfigStore, "__deepcopy__", lambda store, memo: store)  # noqa: B010 (a new attribute of a class of Hydra's)
    for name, node in (("pairreg_search", search_node()), ("pairreg_matched", match_node())):
        ConfigStore.instance().store(group="hydra/sweeper", name=name, node=node, provider="pairreg")
