"""The sweep of a study that searches nothing: every combination of the values given, and axes that advance together."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from pairreg.search.axes import combinations, values
from pairreg.search.base import StudySweeper


class ProductSweeper(StudySweeper):
    """Launches all runs of a sweep at once. Hydra makes it by its name and then calls `setup` and `sweep`.

    **Arguments:** `params`: the values of each key, as the command line takes them; `zip`: groups of keys that advance
    together.
    """

    def __init__(self, params: Mapping[str, str], zip: Sequence[Sequence[str]]):  # noqa: A002 (named as the setting)
        self.settings = SimpleNamespace(params=dict(params), zip=zip)

    def sweep(self, arguments: list[str]) -> None:
        """Run every combination; raises `InputError`, before any run, for values that make no sweep."""
        axes = {}
        for override in self.parsed(self.settings.params, arguments):
            is_axis = override.is_sweep_override()
            axes[override.get_key_element()] = values(override) if is_axis else [str(override.input_line)]
        self.launch([list(job) for job in combinations(axes, self.settings.zip)])
