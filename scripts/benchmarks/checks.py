"""Point 8: what all checks cost together, as a part of a 3-D run by the command, files and figures included.

One run under Python's profiler, in which every part is measured side by side. The loss is tested for infinite numbers
within the compiled loop, which no profiler sees into.
"""

import contextlib
import cProfile
import io
import os
import pstats
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from benchmarks.common import Measured
from pairreg.cli.run import main

LIMIT = 2.0  # % of the run
COMMAND = ("pair=thorax_ct_3d", "preset=fast", "tracking=none", "initialization=affine")
Function = tuple[str, str]  # the end of its file's name, and its own
WRITER: Function = ("pairreg/image_files.py", "write_image")
# What checks do: functions; with a caller, only what that one calls them for. None calls another one, but for `save`,
# which waits for the disk: the sum is an upper bound.
OWNERS: Mapping[str, tuple[tuple[Function, Function | None], ...]] = {
    "config": (
        (("study/checked_config.py", "check"), None),
        (("cli/hydra_guard.py", "check_hydra"), None),
        (("cli/hydra_guard.py", "_check_size"), None),
    ),
    "images that are read": (
        (("reading/grid.py", "checked_grid"), None),
        (("reading/roles.py", "check_finite"), None),
        (("reading/roles.py", "check_overlap"), None),
        (("reading/roles.py", "field_of_view_warning"), None),
        (("reading/roles.py", "varying"), None),
        (("reading/label_map.py", "whole_numbers"), None),
        (("pair/landmark_checks.py", "check_landmarks"), None),
        (("runs/write.py", "check_grids"), None),
    ),
    "losses": ((("optimization/history.py", "check_finite"), None),),
    "digests of inputs": ((("runs/identity.py", "identity"), None),),
    "checkpoints, with the digest of the code": ((("runs/checkpoint.py", "save"), None),),
    "outputs read back": (
        (("SimpleITK/extra.py", "ReadImage"), WRITER),
        (("pairreg/geometry.py", "array"), WRITER),
        (("core/numeric.py", "array_equal"), WRITER),
        (("pairreg/image_files.py", "_check_kept"), WRITER),
    ),
    "waiting for the disk": ((("pairreg/files.py", "_to_disk"), None),),
}


def measure(repeats: int) -> list[Measured]:
    del repeats
    stats = profile()
    whole = max(cumulative for *_, cumulative, _ in stats.values())
    spent = {part: sum(seconds(stats, *one) for one in functions) for part, functions in OWNERS.items()}
    case = " ".join(COMMAND[:2])
    rows = [Measured(8, case, part, 100 * value / whole, "%") for part, value in spent.items()]
    rows.append(Measured(8, case, "all checks", 100 * sum(spent.values()) / whole, "%", f"<= {LIMIT}"))
    return [*rows, Measured(8, case, "whole run", whole, "s")]


def profile() -> Mapping[Any, Any]:
    """The command under the profiler, by function: calls, own and cumulative seconds, and the same by caller."""
    profiler = cProfile.Profile()
    before = os.getcwd(), sys.argv
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        sys.argv = ["pairreg", *COMMAND]
        try:
            profiler.runcall(run)
        finally:
            os.chdir(before[0])
            sys.argv = before[1]
    return pstats.Stats(profiler).stats  # type: ignore[attr-defined]


def run() -> None:
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code


def seconds(stats: Mapping[Any, Any], function: Function, caller: Function | None) -> float:
    """The cumulative seconds of a function, or of its calls by one `caller`."""
    found = [entry for name, entry in stats.items() if is_it(name, function)]
    assert found, f"{function} was not called: has it another name now?"
    if caller is None:
        return float(sum(cumulative for *_, cumulative, _ in found))
    called = [times for *_, callers in found for name, times in callers.items() if is_it(name, caller)]
    return float(sum(cumulative for *_, cumulative in called))


def is_it(name: tuple[str, int, str], function: Function) -> bool:
    file, _, own = name
    return file.endswith(function[0]) and own == function[1]
