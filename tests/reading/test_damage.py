"""Whatever bytes a header has, a file is read or refused in one sentence."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from dicom_helpers import stack, write_frames, write_series
from pairreg.errors import InputError
from pairreg.reading.roles import read_intensities

VALUES = np.random.default_rng(0).integers(0, 200, (9, 8, 7))


def sound(folder: Path, name: str) -> Path:
    path = folder / name
    if name == "slice.dcm":
        return write_series(folder / "s", stack(1))[0]
    if name == "frames.dcm":
        return write_frames(path, stack(), np.array([(0, 0, 3.0 * i) for i in range(7)]))
    if name.endswith((".nii", ".nii.gz")):
        nib.save(
            (nib.Nifti2Image if "2" in name else nib.Nifti1Image)(VALUES.astype("i2"), np.diag([2.0, 3, 4, 1])), path
        )
        return path
    flat = name.endswith((".png", ".tif"))
    sitk.WriteImage(sitk.GetImageFromArray((VALUES[0] if flat else VALUES).astype(np.uint8)), str(path), "z." in name)
    return path


@pytest.mark.parametrize(
    "name",
    ["1.nii", "2.nii", "1.nii.gz", "a.mha", "z.mha", "a.nrrd", "z.nrrd", "a.png", "a.tif", "slice.dcm", "frames.dcm"],
)
def test_random_bytes_in_a_header(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    rng, content = np.random.default_rng(1), sound(tmp_path, name).read_bytes()
    refusals = 0
    for i in range(60):
        changed = bytearray(content)
        for place in rng.integers(0, min(len(content), 1200), rng.integers(1, 6)):
            changed[place] = rng.integers(0, 256)
        (tmp_path / f"{i}{name}").write_bytes(changed)
        try:
            read_intensities(tmp_path / f"{i}{name}")
        except InputError as error:
            assert str(error).startswith(str(tmp_path)) and str(error).endswith(".") and "\n" not in str(error)
            refusals += 1
    assert 0 < refusals and not capfd.readouterr().err
