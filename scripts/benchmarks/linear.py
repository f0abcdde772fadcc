"""Point 7: the cost of every similarity against the number of voxels."""

import numpy as np

import benchmark_terms as terms
import pairreg
from benchmarks.common import Measured
from pairreg.similarity.base import IMAGE, Similarity

SIDES = (48, 64, 96, 128)  # of cubes, voxels
LIMIT = 1.15  # exponent; 1 is linear


def measure(repeats: int) -> list[Measured]:
    """Median time of value and gradient, the options taking turns, and the slope of log(time) over log(voxels)."""
    built = {name: pairreg.build(f"similarity/{name}") for name in pairreg.options("similarity")}
    on_images = [name for name, term in built.items() if isinstance(term, Similarity) and term.on == IMAGE]
    options = [("similarity", name) for name in on_images]
    times: dict[str, dict[int, float]] = {name: {} for _, name in options}
    for side in SIDES:
        rows = {option: {"group": option[0], "option": option[1]} for option in [terms.REFERENCE, *options]}
        terms.add_times(rows, (side,) * 3, repeats)
        for option in options:
            times[option[1]][side] = rows[option][f"{terms.label((side,) * 3)} ms"]
    found = []
    for name, by_side in times.items():
        found += [Measured(7, name, f"value and gradient at {side}^3", ms, "ms") for side, ms in by_side.items()]
        slope = np.polyfit(np.log([side**3 for side in SIDES]), np.log(list(by_side.values())), 1)[0]
        found.append(Measured(7, name, "exponent of the number of voxels", float(slope), "", f"<= {LIMIT}"))
    return found
