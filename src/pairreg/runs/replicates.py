"""The replicates of a study, over which a method is judged: pairs and seeds."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pairreg.runs.factors import flat_config, pair_identities, varied
from pairreg.runs.spec import Described, pair_name, stem

_NAMING = ("pair.name", "pair.case")  # keys whose value is a name for people


def pair_names(runs: Sequence[Described]) -> list[str]:
    """Return the name of each run's pair; equal names mean equal pairs, and equal pairs have equal names.

    It is the case or name where these vary, else the names of the files that do, else what the pair is called where it
    is the only one; pairs that still share a name also have their other settings in it. Of several names of one pair,
    whose files lie in several places, it is the first by the alphabet.
    """
    found = varied(runs)
    of_pair = [(factor, values) for factor, values in found if factor.group == "pair"]
    keys = {factor.key for factor, _ in of_pair if not factor.is_choice}
    names, rest = [], []
    for i, run in enumerate(runs):
        config = {key: value for key, value in flat_config(run).items() if key in keys and value != "None"}
        naming = [config[key] for key in _NAMING if key in config]
        files = [stem(config[key]) for key in ("pair.fixed", "pair.moving") if key in config]
        names.append(" ".join(naming) or "_".join(files) or pair_name(run))
        own = [(factor, values[i]) for factor, values in of_pair]
        # What an option has gained since an older run is None in the newer one: the pair is the same.
        rest.append(", ".join(factor.label(value) for factor, value in own if value not in (None, "None")))
    pairs = pair_identities(runs, found)
    names, rest = _first(names, pairs), _first(rest, pairs)
    shared = Counter(name for name, _ in set(zip(names, pairs, strict=True)))
    return [f"{name} ({more})" if shared[name] > 1 else name for name, more in zip(names, rest, strict=True)]


def _first(texts: Iterable[str], pairs: Sequence[object]) -> list[str]:
    """Return for each run the first text by the alphabet that its pair has in any run."""
    every: dict[object, list[str]] = {}
    for text, pair in zip(texts, pairs, strict=True):
        every.setdefault(pair, []).append(text)
    return [min(every[pair]) for pair in pairs]


def seeds(runs: Sequence[Described]) -> list[str]:
    """Return the seed of each run as text."""
    return [str(run.config.get("seed", 0)) for run in runs]
