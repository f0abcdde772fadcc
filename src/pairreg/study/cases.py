"""The cases of a data set: a pattern of them is one run for each."""

from collections.abc import Mapping
from dataclasses import replace

from pairreg import option_files
from pairreg.markers import Cases
from pairreg.pair.cases import is_pattern
from pairreg.runs.spec import RunSpec
from pairreg.study.benchmark import check_data
from pairreg.trust import SETTING


def expand(spec: RunSpec) -> list[RunSpec]:
    """Return a run for every case that a pattern in the settings of the pair matches; other runs as they are.

    Raises `InputError` if the data set is not there or cannot be read, or no case matches.
    """
    check_data(spec)
    pair = spec.config.get("pair") or {}  # the check of the config says what is missing
    trusted = spec.config.get(SETTING) or ()
    patterns = {key for key, value in pair.items() if isinstance(value, str) and is_pattern(value)}
    if not patterns or "_target_" not in pair:
        return [spec]
    option_files.check_node(pair, "pair", trusted)
    hints = option_files.constructor_hints(pair["_target_"], "pair", trusted)
    for key in patterns & hints.keys():
        mark = next((one for one in getattr(hints[key], "__metadata__", ()) if isinstance(one, Cases)), None)
        if mark is not None:
            return [_of_case(spec, pair, key, case) for case in mark.matching(pair)]
    return [spec]


def _of_case(spec: RunSpec, pair: Mapping[str, object], key: str, case: str) -> RunSpec:
    return replace(
        spec,
        config={**spec.config, "pair": {**pair, key: case}},
        choices={**spec.choices, "pair": case},
        overrides=(*spec.overrides, f"pair.{key}={case}"),
    )
