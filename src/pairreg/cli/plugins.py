"""What Hydra and OmegaConf are told of ours."""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from pairreg.cli.launcher import StudyLauncher
from pairreg.search.sweeper import SearchSweeper, search_node
from pairreg.transform.base import Precision


class ExperimentsSearchPath(SearchPathPlugin):
    """Hydra finds the groups of `experiments/` like those of `conf/`, also in `--help` and tab completion."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append("pairreg", "pkg://pairreg.experiments")


def register_plugins() -> None:
    """In code: every Hydra program of the environment would load what lies in the package `hydra_plugins`."""
    plugins = Plugins.instance()
    inside = plugins.is_in_toplevel_plugins_module
    vars(plugins)["is_in_toplevel_plugins_module"] = lambda name: name.startswith("pairreg.") or inside(name)
    for plugin in (ExperimentsSearchPath, StudyLauncher, SearchSweeper):
        plugins.register(plugin)
    # Hydra copies its whole store for each of the 119 groups that `--help` lists, and again whatever it loads from it.
    setattr(ConfigStore, "__deepcopy__", lambda store, memo: store)  # noqa: B010 (a new attribute of a class of Hydra's)
    launcher = {"_target_": f"{__package__}.launcher.StudyLauncher"}
    for group, name, node in (("launcher", "pairreg", launcher), ("sweeper", "pairreg_search", search_node())):
        ConfigStore.instance().store(group=f"hydra/{group}", name=name, node=node, provider="pairreg")
    # a config that asks for it has the answer in its run folder, and in the signature of the run
    OmegaConf.register_new_resolver("native_precision", native_precision, replace=True)


def native_precision() -> Precision:
    """`mixed_bfloat16` where the CPU multiplies bfloat16 itself, as Linux lists its abilities, else `float32`."""
    listed = Path("/proc/cpuinfo")
    known = set(listed.read_text(encoding="ascii", errors="replace").split()) if listed.exists() else set()
    return "mixed_bfloat16" if known & {"avx512_bf16", "amx_bf16", "bf16"} else "float32"
