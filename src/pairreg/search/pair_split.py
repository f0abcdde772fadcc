"""The pairs that choose settings, and those that the settings are judged on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pairreg.composition import quoted
from pairreg.errors import InputError
from pairreg.runs.replicates import pair_names
from pairreg.runs.spec import RunSpec
from pairreg.study.cases import expand

Overrides = Sequence[str]


@dataclass(frozen=True)
class PairSplit:
    """The replicates (pair and seed, as overrides) on which settings are chosen, and those on which they are compared.

    **Attributes:** `tuning`, `test`: overrides of each replicate; `names`: of the pairs of `tuning`, empty if the pairs
    were not split: then both are the same.
    """

    tuning: Sequence[Overrides]
    test: Sequence[Overrides]
    names: Sequence[str] = ()


def split(
    replicates: Sequence[Overrides], tune: Sequence[str], spec: Callable[[list[str]], RunSpec], each: bool = False
) -> PairSplit:
    """Split the pairs of a command by their names; `tune` has names or patterns of those that choose.

    `spec` composes a run from the overrides of a replicate. A pattern of cases (`pair.case=*`) becomes one replicate
    for each case; where nothing is split, only with `each`. Raises `InputError`, with the names, for a pattern that
    fits none, or if no pair is left to judge.
    """
    if not tune and not each:
        return PairSplit(replicates, replicates)
    expanded: list[tuple[Overrides, RunSpec]] = []
    for replicate in replicates:
        cases = expand(spec(list(replicate)))
        own = [replicate] if len(cases) == 1 else [[*replicate, _chosen_case(case)] for case in cases]
        expanded += zip(own, cases, strict=True)
    if not tune:
        every = [own for own, _ in expanded]
        return PairSplit(every, every)
    names = pair_names([one for _, one in expanded])
    for pattern in tune:
        if not any(_fits(name, pattern) for name in names):
            known = ", ".join(dict.fromkeys(names))
            raise InputError(f"hydra.sweeper.tune: no pair is called {pattern!r}; the pairs are {known}.")
    chosen = [any(_fits(name, pattern) for pattern in tune) for name in names]
    if all(chosen):
        raise InputError("hydra.sweeper.tune names all pairs; leave at least one out, to compare the settings on.")
    tuning = [own for (own, _), is_tuning in zip(expanded, chosen, strict=True) if is_tuning]
    test = [own for (own, _), is_tuning in zip(expanded, chosen, strict=True) if not is_tuning]
    tuned = [name for name, is_tuning in zip(names, chosen, strict=True) if is_tuning]
    return PairSplit(tuning, test, list(dict.fromkeys(tuned)))


def _chosen_case(case: RunSpec) -> str:
    """Return the override that chooses a case of a pattern, which the run has last and as one types it, for Hydra."""
    key, _, name = case.overrides[-1].partition("=")
    return f"{key}={quoted(name)}"


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)
