"""Files with bytes that are lost, changed or doubled: a transform or one sentence, no crash and nothing on stderr."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.transform_files.read import read_transform
from pairreg.transform_files.write import write_transform
from transform_helpers import KINDS, grid, smooth, truth

TRANSFORMS = ("field.h5", "field.tfm", "field.mat", "affine.mat", "affine.tfm", "bspline.h5", "composite.h5")
FIELDS = ("d.nii", "d.nii.gz", "d.nrrd", "d.mha", "disp_0001_0002.npz", "disp_0001_0002.nii")
HEAD = 1500  # bytes in which sizes and types stand
ELASTIX = """(Transform "EulerTransform")
(FixedImageDimension 3)
(MovingImageDimension 3)
(NumberOfParameters 6)
(TransformParameters 0.1 0.2 0.3 1 2 3)
(InitialTransformParameterFileName "NoInitialTransform")
(HowToCombineTransforms "Compose")
(CenterOfRotationPoint 1.5 2.5 3.5)
(ComputeZYX "false")
"""


def sound(folder: Path, name: str) -> bytes:
    file = folder / f"sound_{name}"
    if name.startswith("disp_"):
        write_transform(truth(3), file, "learn2reg", grid(3, "fixed"), grid(3, "moving"))
    elif name in FIELDS:
        sitk.WriteImage(smooth(3).GetDisplacementField(), str(file))
    elif name in TRANSFORMS:
        sitk.WriteTransform(KINDS[file.stem.removeprefix("sound_")](3), str(file))
    else:
        file.write_text(ELASTIX)
    return file.read_bytes()


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    found = bytearray(content)
    place, other = rng.integers(0, min(len(found), HEAD if rng.random() < 0.7 else len(found)), 2).tolist()
    match rng.integers(4):
        case 0:
            return content[:place]
        case 1:
            found[place] = rng.integers(256)
        case 2:
            del found[place : place + rng.integers(1, 30)]
        case _:
            found[place:place] = found[other : other + rng.integers(1, 12)]
    return bytes(found)


@pytest.mark.parametrize("name", [*TRANSFORMS, *FIELDS, "TransformParameters.0.txt"])
def test_damage(tmp_path, name, capfd):
    content, file, rng = sound(tmp_path, name), tmp_path / name, np.random.default_rng(0)
    outcomes = set()
    for _ in range(25):
        file.write_bytes(damaged(content, rng))
        try:
            read_transform(file, grid(3, "fixed"), grid(3, "moving"))
            outcomes.add("read")
        except InputError as error:
            assert str(file) in str(error) and "\n" not in str(error) and str(error).endswith(".")
            outcomes.add("refused")
    assert "refused" in outcomes
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
