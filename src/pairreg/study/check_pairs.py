"""The check of all pairs of a study before its first registration, as the last one may be as bad as the first."""

import json
import logging
from collections.abc import Sequence

from pairreg.errors import InputError
from pairreg.runs.spec import RunSpec
from pairreg.study.execute import load_pair

log = logging.getLogger("pairreg")
_FEW = 2  # pairs that are read without a word about it


def check_pairs(specs: Sequence[RunSpec]) -> int:
    """Read every pair of `specs` that comes from files, once; returns their number.

    Repairs and warnings are logged. Raises `InputError` that says why the first bad pair cannot be used, and how many
    more there are.
    """
    pairs = {json.dumps(spec.config["pair"], sort_keys=True): spec for spec in specs if _reads_files(spec)}
    if len(pairs) > _FEW:
        log.info(f"checking the files of {len(pairs)} pairs")
    problems = []
    for spec in pairs.values():
        try:
            load_pair(spec.config)
        except InputError as error:
            problems.append(str(error))
            log.debug(str(error))
    if len(problems) > 1:
        raise InputError(f"{len(problems)} of {len(pairs)} pairs cannot be used, the first because {problems[0]}")
    if problems:
        raise InputError(problems[0])
    return len(pairs)


def _reads_files(spec: RunSpec) -> bool:
    return any(one.name.startswith("pair.") for one in spec.inputs)
