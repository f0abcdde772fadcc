"""The design of a study: its runs as a table of settings by replicates."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pairreg.runs.factors import (
    FIRST,
    Factor,
    Setting,
    as_flat,
    factors,
    flat_config,
    in_order,
    label,
    ordered,
    setting,
)
from pairreg.runs.read import Run
from pairreg.runs.replicates import pair_names, seeds


@dataclass(frozen=True)
class Design:
    """The runs by setting, pair and seed.

    **Attributes:** `factors`: what varies; `settings`, `pairs` and `seeds`: in the order of every table and figure;
    `cells`: the run of a setting, a pair and a seed, if there is one; `replaced`: how many runs are in no cell, as a
    newer one is; `alike`: the names of pairs whose files have the same paths, and other content.
    """

    factors: list[Factor]
    settings: list[Setting]
    pairs: list[str]
    seeds: tuple[str, ...]
    cells: Mapping[tuple[Setting, str, str], Run]
    replaced: int = 0
    alike: tuple[str, ...] = ()

    @classmethod
    def of(cls, runs: Sequence[Run]) -> "Design":
        """Return the design of these complete runs.

        Of several with one setting, pair and seed the newest counts: the others are of inputs or code as they were
        before, whose signature is another one.
        """
        latest = _latest(runs)
        among, pairs = factors(latest), pair_names(latest)
        keys = list(zip([setting(run, among) for run in latest], pairs, seeds(latest), strict=True))
        newest = dict(sorted(zip(keys, latest, strict=True), key=lambda one: one[1].finished_at))
        return cls(
            factors=among,
            settings=ordered([key[0] for key in keys], among),
            pairs=sorted({key[1] for key in keys}),
            seeds=in_order(key[2] for key in keys),
            cells={key: newest[key] for key in keys},  # in the order of the runs
            replaced=len(runs) - len(newest),
            alike=_alike(latest, pairs),
        )

    @cached_property
    def labels(self) -> list[str]:
        """The name of every setting."""
        if not self.factors:
            choices = next(iter(self.cells.values())).choices
            return [" · ".join(choices[group] for group in FIRST if group in choices) or "all runs"]
        return [label(one, self.factors) for one in self.settings]

    @cached_property
    def replicates(self) -> list[tuple[str, str]]:
        """Every (pair, seed) that was run with some setting."""
        run = {(pair, seed) for _, pair, seed in self.cells}
        return [(pair, seed) for pair in self.pairs for seed in self.seeds if (pair, seed) in run]

    @cached_property
    def common(self) -> list[tuple[str, str]]:
        """Every (pair, seed) that was run with every setting."""
        return [r for r in self.replicates if all((one, *r) in self.cells for one in self.settings)]

    @property
    def unit(self) -> str:
        """The unit that statistics run over: pairs, or the seeds of the only pair."""
        return "pair" if len(self.pairs) > 1 or len(self.seeds) == 1 else "seed"

    def first(self, pair: str) -> list[Run | None]:
        """Return the run of each setting on `pair`, of the first seed that it has; None where there is none."""
        found = []
        for one in self.settings:
            runs = [self.cells[key] for seed in self.seeds if (key := (one, pair, seed)) in self.cells]
            found.append(runs[0] if runs else None)
        return found


def _latest(runs: Sequence[Run]) -> list[Run]:
    """Return the runs without those of which a newer one was asked for in the same words, in the same place.

    Their files were replaced under their names since, or code of the user has changed.
    """
    by_words = _grouped(runs, lambda run: frozenset(flat_config(run).items()))
    by_place = [place for same in by_words for place in (_grouped(same, _places) if len(same) > 1 else [same])]
    kept = {max(same, key=lambda run: run.finished_at).folder for same in by_place}
    return [run for run in runs if run.folder in kept]


def _places(run: Run) -> object:
    """Return where the inputs of a run lay, if it says so: from elsewhere, the same path leads to other files."""
    is_whole = all(os.path.isabs(one.path) for one in (run.inputs or {}).values())
    return None if is_whole or not run.is_asked_for else frozenset(as_flat(run.asked_config).items())


def _grouped(runs: Sequence[Run], key: Callable[[Run], object]) -> list[list[Run]]:
    """Return the runs in groups of one key each."""
    groups: dict[object, list[Run]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return list(groups.values())


def _alike(runs: Sequence[Run], pairs: Sequence[str]) -> tuple[str, ...]:
    """Return the names of pairs that are asked for in the same words as another one."""
    names: dict[object, set[str]] = {}
    for run, pair in zip(runs, pairs, strict=True):
        words = frozenset(item for item in flat_config(run).items() if item[0].startswith("pair."))
        names.setdefault(words, set()).add(pair)
    return tuple(sorted(set().union(*(some for some in names.values() if len(some) > 1))))
