"""Hydra finds the groups of `experiments/` like those of `conf/`, also in `--help` and tab completion."""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin


class ExperimentsSearchPath(SearchPathPlugin):
    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append("pairreg", "pkg://pairreg.experiments")


def register_search_path() -> None:
    Plugins.instance().register(ExperimentsSearchPath)
