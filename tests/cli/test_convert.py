"""`pairreg-convert` on files of other tools, from format to format, and on a real run."""

import re
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from command_helpers import installed, many
from pair_helpers import same_space
from pairreg import geometry
from pairreg.optimization.history import History
from pairreg.optimization.resampled_pair import resample_pair
from pairreg.pair.pair import Pair
from pairreg.result import Result
from pairreg.transform_files.read import FORMATS, read_transform
from pairreg.transform_files.write import WRITTEN
from transform_helpers import at, grid, linear, smooth, voxels_of

IMAGES = ("--fixed", "fixed.nii.gz", "--moving", "moving.nii.gz")


def write_pair(folder: Path, ndim: int) -> None:
    """Two images, and a transform in the two files of ANTs."""
    for name in ("fixed", "moving"):
        sitk.WriteImage(grid(ndim, name), str(folder / f"{name}.nii.gz"))
    sitk.WriteImage(sitk.Cast(smooth(ndim).GetDisplacementField(), sitk.sitkVectorFloat32), folder / "a_1Warp.nii.gz")
    sitk.WriteTransform(linear(ndim), folder / "a_0GenericAffine.mat")


@pytest.mark.parametrize("ndim", [2, 3])
def test_from_format_to_format(ndim, tmp_path):
    """Each command reads what an earlier one has written; at the voxels nothing is lost."""
    write_pair(tmp_path, ndim)
    calls = [
        ["a_1Warp.nii.gz", "a_0GenericAffine.mat", "chain.h5"],
        ["a_", "prefix.tfm", *IMAGES],
        ["chain.h5", "displacement.nii.gz", *IMAGES],
        ["displacement.nii.gz", "again.txt", *IMAGES],
        ["again.txt", "disp_0001_0002.npz", *IMAGES],
        ["disp_0001_0002.npz", "plain.nii", "--to", "learn2reg", *IMAGES],
        ["plain.nii", "back.hdf5", "--from", "learn2reg", *IMAGES],
    ]
    (tmp_path / "said").mkdir()
    for call, done in zip(calls, many("pairreg-convert", calls, tmp_path, tmp_path / "said"), strict=True):
        assert (done.returncode, done.stderr) == (0, ""), call
        assert re.fullmatch(r"\S+: a transform, format (itk|nifti|learn2reg)\n", done.stdout), done.stdout
    _, centres = voxels_of(grid(ndim, "fixed"))
    expected = at(linear(ndim), at(smooth(ndim), centres))
    for call in calls:
        format = "learn2reg" if call[1] == "plain.nii" else None
        written = next(name for name in call[1:] if "_0G" not in name)
        found = read_transform(tmp_path / written, grid(ndim, "fixed"), grid(ndim, "moving"), format)
        np.testing.assert_allclose(at(found, centres), expected, rtol=0, atol=1e-4, err_msg=written)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run whose transform is a formula."""
    pair = Pair(name="known", fixed=grid(2, "fixed"), moving=grid(2, "moving"))
    index = np.indices(pair.fixed.GetSize()[::-1]) / 4
    field = np.stack([np.sin(index[0]), np.cos(index[1])], -1).astype(np.float32)
    history = History([])
    history.append(np.ones((1, 2)), level=1)  # an iteration to draw
    folder = tmp_path_factory.mktemp("convert") / "run"
    Result(pair, resample_pair(pair, linear(2)), field, None, history).save(folder)
    return folder


def test_a_run(finished, tmp_path):
    """Its files again: the transform itself, and the displacement on the fixed grid."""
    for name in ("t.h5", "d.nii.gz"):
        done = installed("pairreg-convert")(finished, name, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith(f"{name}: ")
    assert (tmp_path / "t.h5").read_bytes() == (finished / "transform.h5").read_bytes()
    ours, theirs = (sitk.ReadImage(str(file)) for file in (tmp_path / "d.nii.gz", finished / "displacement.nii.gz"))
    assert ours.GetPixelID() == theirs.GetPixelID()
    same_space(ours, theirs)
    np.testing.assert_allclose(geometry.array(ours), geometry.array(theirs), rtol=0, atol=1e-4)


def test_a_line_that_cannot_be_done_is_one_sentence_and_leaves_nothing(tmp_path):
    write_pair(tmp_path, 3)
    sitk.WriteImage(grid(2, "fixed"), str(tmp_path / "plane.nii.gz"))
    said = tmp_path / "said"
    said.mkdir()
    before = set(tmp_path.iterdir())
    cases = {
        "fixed": ["a_", "o.nii.gz"],
        "moving": ["a_", "o.npz", "--fixed", "fixed.nii.gz"],
        "2-D": ["a_", "o.h5", "--fixed", "plane.nii.gz"],
        "OUT": ["a_"],
        "b_": ["b_", "o.h5"],
        "InverseWarp": ["[a_1Warp.nii.gz,1]", "o.h5"],
        "beyond": ["a_1Warp.nii.gz", "o.h5", "--fixed", "moving.nii.gz"],
    }
    for (word, call), done in zip(
        cases.items(), many("pairreg-convert", list(cases.values()), tmp_path, said), strict=True
    ):
        assert done.returncode == 2 and done.stderr.startswith("pairreg-convert: ") and done.stderr.count("\n") == 1
        assert word in done.stderr, (call, done.stderr)
    assert set(tmp_path.iterdir()) == before


SHIFT = """(Transform "TranslationTransform")
(NumberOfParameters 3)
(TransformParameters 1 2 3)
(InitialTransformParameterFileName "{before}")
(HowToCombineTransforms "Compose")
(FixedImageDimension 3)
(MovingImageDimension 3)
"""


def test_a_file_of_the_chain_that_is_read_is_not_replaced(tmp_path):
    (tmp_path / "TransformParameters.0.txt").write_text(SHIFT.format(before="NoInitialTransform"))
    (tmp_path / "TransformParameters.1.txt").write_text(SHIFT.format(before="TransformParameters.0.txt"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    done = installed("pairreg-convert")("TransformParameters.1.txt", "TransformParameters.0.txt", cwd=tmp_path)
    assert done.returncode == 2 and "TransformParameters.0.txt" in done.stderr and "--force" in done.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_images_of_another_dimension_than_a_run_are_one_sentence(finished, tmp_path):
    """Whichever image it is, and whether the format needs it or not."""
    sitk.WriteImage(grid(3, "fixed"), str(tmp_path / "volume.nii.gz"))
    sitk.WriteImage(grid(2, "fixed"), str(tmp_path / "plane.nii.gz"))
    fixed, moving = ("--fixed", "volume.nii.gz"), ("--moving", "volume.nii.gz")
    calls = [
        [str(finished), "o.nii.gz", *fixed],
        [str(finished), "o.npz", *moving],
        [str(finished), "o.npz", "--fixed", "plane.nii.gz", *moving],
        [str(finished), "o.mat", "--to", "fsl", *moving],
        [str(finished), "o.h5", *fixed],
    ]
    before = set(tmp_path.iterdir())
    said = tmp_path / "said"
    said.mkdir()
    for call, done in zip(calls, many("pairreg-convert", calls, tmp_path, said), strict=True):
        name = "moving" if "--moving" in call else "fixed"
        expected = f"{finished} is 2-D and the {name} image 3-D; give transforms and images of the same dimension."
        assert (done.returncode, done.stderr) == (2, f"pairreg-convert: {expected}\n"), call
    assert set(tmp_path.iterdir()) == {*before, said}


def test_the_help_names_every_format(tmp_path):
    done = installed("pairreg-convert")("--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for formats, option in ((FORMATS, "--from FORMAT"), (WRITTEN, "--to FORMAT")):
        shown = done.stdout.split(option)[-1].split("--")[0]
        assert all(format in shown for format in formats)


ELASTIX = """(Transform "TranslationTransform")
(FixedImageDimension 2)
(MovingImageDimension 2)
(TransformParameters 1.5 2.5)
(InitialTransformParameterFileName "NoInitialTransform")
"""


def test_the_commands_of_the_readme(finished, tmp_path):
    """With the images and the field of a run in the place of a user's."""
    for name, file in (("f", "warped"), ("m", "warped"), ("out_1Warp", "displacement")):
        shutil.copy(finished / f"{file}.nii.gz", tmp_path / f"{name}.nii.gz")
    sitk.WriteTransform(linear(2), tmp_path / "out_0GenericAffine.mat")
    (tmp_path / "TransformParameters.2.txt").write_text(ELASTIX)
    size = sitk.ReadImage(str(tmp_path / "f.nii.gz")).GetSize()
    nibabel.save(nibabel.Nifti1Image(np.ones((*size, 2), np.float32), np.eye(4)), tmp_path / "warp.nii.gz")
    readme = (Path(__file__).parents[2] / "src" / "README.md").read_text()
    lines = re.findall(r"^    pairreg-convert (.*)$", readme, re.MULTILINE)
    calls = [re.sub(r"runs/default/\w+", str(finished), line).split() for line in lines]
    (tmp_path / "said").mkdir()
    answers = many("pairreg-convert", calls, tmp_path, tmp_path / "said")
    assert len(answers) >= 4 and all((done.returncode, done.stderr) == (0, "") for done in answers), answers
