"""A run computes what its name says: inputs and modules of the user as they were when the command began."""

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry, option_files
from pairreg.study.execute import load_pair

# The process of a run imports the module after the command has looked at it; there it is edited first.
MODULE = """
import multiprocessing
from dataclasses import dataclass
from pairreg.similarity.mse import MSE

if multiprocessing.parent_process() is not None:
    with open(__file__, "a") as file:
        file.write("# edited\\n")


@dataclass(frozen=True, kw_only=True)
class Mine(MSE):
    pass
"""


def test_a_module_that_is_edited_while_a_run_waits_is_refused(pairreg, tmp_path):
    (tmp_path / "edited_losses.py").write_text(MODULE)
    option = tmp_path / "own" / "similarity" / "mine.yaml"
    option.parent.mkdir(parents=True)
    option.write_text("mine:\n  _target_: edited_losses.Mine\n  weight: 1.0\n")
    own = ("--config-dir=own", "similarity=mine", "trusted_modules=[edited_losses]")
    quick = ("preset=smoke", "transform=displacement", "tracking=none", "compute=processes", "-m")
    done = pairreg(*own, *quick, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2 and "has changed since the command began; repeat it" in done.stderr, done.stderr
    assert not list(tmp_path.rglob("result.json"))


def test_a_file_that_is_replaced_is_read_again(tmp_path):
    """A search loads its pair for every trial, for hours."""
    files = {side: str(tmp_path / f"{side}.nii.gz") for side in ("fixed", "moving")}
    config: dict[str, Any] = {"pair": option_files.option_node("pair/files") | files, "trusted_modules": []}
    rng = np.random.default_rng(0)

    def replaced() -> np.ndarray:
        values = rng.normal(size=(20, 24)).astype(np.float32)
        for path in map(Path, files.values()):
            sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
        return values

    for _ in range(2):
        values = replaced()
        np.testing.assert_array_equal(geometry.array(load_pair(config).fixed), values)
    assert load_pair(config) is load_pair(config)
