"""antspyx and itk-elastix as methods, beside their own tools: `scripts/check_ants`, `scripts/check_elastix`."""

import dataclasses
import json
import os
import subprocess

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
import peer_scripts
from pairreg import geometry, metrics
from pairreg.errors import MethodError
from pairreg.pair.pair import Pair
from synthetic_warps import known

PYTHON = os.environ.get("PAIRREG_PEERS")
pytestmark = pytest.mark.skipif(PYTHON is None, reason="no PAIRREG_PEERS")


def labelled(ndim: int) -> Pair:
    """Like `known`, the moving image on a coarser, turned grid of its own, with labels of both."""
    pair = known(ndim)
    grid = sitk.Image([int(n * 0.9) for n in pair.moving.GetSize()], sitk.sitkFloat32)
    grid.SetSpacing([1.15 * h for h in pair.moving.GetSpacing()])
    grid.SetOrigin(geometry.centred_origin(grid, pair.moving))
    moving = geometry.resample(pair.moving, grid, geometry.identity(ndim))
    fixed_labels, moving_labels = (_levels(one) for one in (pair.fixed, moving))
    return dataclasses.replace(
        pair, moving=moving, fixed_labels=fixed_labels, moving_labels=moving_labels, true_displacement=None
    )


def _levels(one: sitk.Image) -> sitk.Image:
    values = geometry.array(one)
    return geometry.image(np.digitize(values, np.quantile(values, (0.6, 0.85))).astype(np.uint8), one)


FEW = {
    "NumberOfResolutions": [2],
    "MaximumNumberOfIterations": [60],
    "FinalGridSpacingInPhysicalUnits": [8],
    "GridSpacingSchedule": [1.4, 1.0],
}
METHODS = {"ants_syn": (peer_scripts.ANTS, {}), "elastix": (peer_scripts.ELASTIX, {"parameters": FEW})}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("name", METHODS)
def test_it_gives_what_its_own_tools_give(name, ndim, tmp_path):
    pair, (script, settings) = labelled(ndim), METHODS[name]
    files = {role: tmp_path / f"{role}.mha" for role in ("fixed", "moving", "moving_labels")}
    for role, path in files.items():
        sitk.WriteImage(getattr(pair, role), str(path))
    given = {**os.environ, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "ANTS_RANDOM_SEED": "4"}
    command = [PYTHON, "-c", script, *map(str, files.values()), str(tmp_path), json.dumps(FEW)]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    scored = pairreg.register(pair, method=pairreg.build("method/field", path=found), preprocessing="minmax")
    fixed = geometry.array(pair.fixed_labels)
    warped = np.rint(geometry.array(sitk.ReadImage(str(tmp_path / "warped.mha")))).astype(int)
    theirs = np.mean(list(metrics.dice(fixed, warped, labels=[1, 2]).values()))
    assert scored.metrics["dice_mean"] == pytest.approx(theirs, abs=1e-3)
    # The same registration through the method, which is repeatable with one thread.
    method = pairreg.build(f"method/{name}", python=PYTHON, intensities="original", **settings)
    ours = pairreg.register(pair, method=method, preprocessing="minmax", threads=1, seed=3)
    again = pairreg.register(pair, method=method, preprocessing="minmax", threads=1, seed=3)
    np.testing.assert_array_equal(ours.field, again.field)
    np.testing.assert_allclose(ours.field, scored.field, atol=1e-3)
    assert 0 < ours.metrics["seconds"] and 0 < ours.metrics["startup_seconds"] and ours.metrics["peak_memory_mb"] > 50
    assert ours.programs[{"ants_syn": "antspyx", "elastix": "itk-elastix"}[name]]


def test_ants_refuses_an_argument_in_one_sentence():
    method = pairreg.build("method/ants_syn", python=PYTHON, arguments={"grad_stp": 0.1})
    with pytest.raises(MethodError, match="takes no argument 'grad_stp'; it takes fixed"):
        pairreg.register(labelled(2), method=method, preprocessing="minmax")
