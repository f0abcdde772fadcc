"""The replicates of a study, over which a method is judged: pairs and seeds."""

from collections import Counter
from collections.abc import Sequence

from pairreg.runs.factors import all_factors, flat_config
from pairreg.runs.spec import Described, pair_name, stem

_NAMING = ("pair.name", "pair.case")  # keys whose value is a name for people


def pair_names(runs: Sequence[Described]) -> list[str]:
    """Return the name of each run's pair; equal names mean equal pair configs.

    It is the case or name where these vary, else the names of the files that do, else what the pair is called where it
    is the only one; pairs that still share a name also have their other settings in it.
    """
    varied = [factor for factor in all_factors(runs) if factor.group == "pair"]
    keys = {factor.key for factor in varied if not factor.is_choice}
    names, rest = [], []
    for run in runs:
        config = {key: value for key, value in flat_config(run).items() if key in keys and value != "None"}
        naming = [config[key] for key in _NAMING if key in config]
        files = [stem(config[key]) for key in ("pair.fixed", "pair.moving") if key in config]
        names.append(" ".join(naming) or "_".join(files) or pair_name(run))
        values = [(factor, factor.value(run)) for factor in varied]
        # What an option has gained since an older run is None in the newer one: the pair is the same.
        rest.append(", ".join(factor.label(value) for factor, value in values if value not in (None, "None")))
    shared = Counter(name for name, _ in set(zip(names, rest, strict=True)))
    return [f"{name} ({more})" if shared[name] > 1 else name for name, more in zip(names, rest, strict=True)]


def seeds(runs: Sequence[Described]) -> list[str]:
    """Return the seed of each run as text."""
    return [str(run.config.get("seed", 0)) for run in runs]
