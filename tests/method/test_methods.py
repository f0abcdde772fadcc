"""Methods of others: what they find, how it is kept, and what of a config belongs to their runs."""

import dataclasses
import json
import os
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

import pairreg
from pair_helpers import refused, written
from pairreg import composition, geometry, whole_transform
from pairreg.errors import MethodError
from pairreg.method.worker import how_to_have
from pairreg.pair.pair import Pair
from pairreg.runs.identity import identity, signature_of
from pairreg.runs.read import Run
from synthetic_warps import bumps, known

ITK = [
    ("demons", {"shrink": [2, 1], "iterations": [60, 60], "smoothing": 1.0}),
    ("bspline_itk", {"shrink": [1], "spacing": 8.0, "iterations": 6, "sampled": 1.0}),
]


@pytest.mark.parametrize(("name", "settings"), ITK)
@pytest.mark.parametrize("ndim", [2, 3])
def test_simpleitk_finds_a_known_warp(ndim, name, settings, tmp_path):
    pair = known(ndim)
    method = pairreg.build(f"method/{name}", **settings)
    result = pairreg.register(pair, method=method, initialization="none", preprocessing="minmax", threads=1)
    again = pairreg.register(pair, method=method, initialization="none", preprocessing="minmax", threads=1)
    # They compare intensities, which say nothing between the blobs, and regularise in their own way.
    assert result.metrics["epe_mean"] < {"demons": 0.65, "bspline_itk": 0.75}[name] * result.metrics["before/epe_mean"]
    np.testing.assert_array_equal(result.field, again.field)
    assert result.metrics["seconds"] > 0 and "iterations" not in result.metrics and not len(result.history)
    # Found on the moving image as it lies: started from an initialisation, the whole transform contains it.
    shift = sitk.TranslationTransform(ndim, [4.0] * ndim)
    moved = dataclasses.replace(pair, moving=_shifted(pair.moving, shift), true_displacement=None)
    path = tmp_path / "start.tfm"
    sitk.WriteTransform(shift, str(path))
    start = pairreg.build("initialization/file", path=str(path))
    other = pairreg.register(moved, method=method, initialization=start, preprocessing="minmax", threads=1)
    centre = pair.fixed.TransformContinuousIndexToPhysicalPoint([n / 2 for n in pair.fixed.GetSize()])
    np.testing.assert_allclose(
        other.transform.TransformPoint(centre), np.add(result.transform.TransformPoint(centre), 4.0), atol=0.3
    )


def _shifted(moving: sitk.Image, shift: sitk.TranslationTransform) -> sitk.Image:
    found = sitk.Image(moving)
    found.SetOrigin(np.add(moving.GetOrigin(), shift.GetOffset()).tolist())
    return found


def largest_steps(field: np.ndarray) -> tuple[float, float]:
    """The largest difference of neighbours in a field `(*spatial, ndim)`: at the border, and away from it."""
    at_border, within = [], []
    for axis in range(field.shape[-1]):
        steps = np.linalg.norm(np.diff(field, axis=axis), axis=-1)
        at_border += [np.take(steps, [*range(3), *range(-3, 0)], axis).max()]
        within += [np.take(steps, range(6, steps.shape[axis] - 6), axis).max()]
    return max(at_border), max(within)


@pytest.mark.parametrize("shrink", [[4], [4, 1], [4, 2]])
def test_the_field_of_demons_has_no_step_where_shrunk_images_end(shrink):
    """67 voxels by 4 are 16, so the outermost lie beyond them; here all are moved by 3 voxels."""
    draw = np.random.default_rng(5)
    values = gaussian_filter(draw.normal(size=(67 + 6, 66)), 3.0).astype(np.float32)
    fixed, moving = (sitk.GetImageFromArray(values[start : start + 67]) for start in (3, 0))
    pair = Pair(name="shifted", fixed=fixed, moving=moving)
    # The last level begins with the field of the first, and has no time to change it much.
    method = pairreg.build("method/demons", shrink=shrink, iterations=[200, 1][: len(shrink)])
    result = pairreg.register(pair, method=method, initialization="none", preprocessing="minmax", threads=1)
    inner = result.field[8:-8, 8:-8]
    assert np.abs(inner.mean((0, 1)) - [3.0, 0.0]).max() < 1.0, "otherwise there is nothing to see at the border"
    at_border, within = largest_steps(result.field)
    assert at_border < 1.2 * within
    outer = result.transform.TransformPoint((30.0, 66.0))
    assert np.linalg.norm(np.subtract(outer, (30.0, 66.0)) - result.field[66, 30][::-1]) < 1e-3


@pytest.mark.parametrize("bright", [1000.0, -1000.0])
def test_demons_take_what_the_moving_image_does_not_reach_for_dark(bright):
    """Demons compare differences of intensities, so what is added to both images changes nothing."""
    pair = known(2)
    part = dataclasses.replace(pair, moving=pair.moving[6:, :-7])
    method = pairreg.build(
        "method/demons", shrink=[2, 1], iterations=[40, 40], start="own", intensities="original", match_histograms=False
    )
    found = [
        pairreg.register(
            dataclasses.replace(part, fixed=part.fixed + added, moving=part.moving + added),
            method=method,
            preprocessing="minmax",
            threads=1,
        ).field
        for added in (0.0, bright)
    ]
    # float32 keeps four digits less of the brighter ones
    np.testing.assert_allclose(found[1], found[0], atol=0.05)
    assert np.abs(found[0]).max() > 1


def scaled(image: sitk.Image, factor: float) -> sitk.Image:
    found = sitk.Image(image)
    found.SetSpacing(np.multiply(image.GetSpacing(), factor).tolist())
    found.SetOrigin(np.multiply(image.GetOrigin(), factor).tolist())
    return found


@pytest.mark.parametrize("forces", ["diffeomorphic", "symmetric", "thirion"])
def test_demons_go_on_for_their_iterations_whatever_the_size_of_voxels(forces):
    """Of a power of 2, so that it changes no number by more than its exponent."""
    pair = dataclasses.replace(known(2), true_displacement=None)

    def field(factor: float, shrink: list[int], iterations: list[int]) -> np.ndarray:
        method = pairreg.build("method/demons", forces=forces, shrink=shrink, iterations=iterations)
        images = {side: scaled(getattr(pair, side), factor) for side in ("fixed", "moving")}
        small = dataclasses.replace(pair, **images)
        return pairreg.register(small, method=method, initialization="none", preprocessing="minmax", threads=1).field

    usual = field(1.0, [2, 1], [15, 15])
    assert np.abs(usual).max() > 0.5
    np.testing.assert_allclose(field(2**-7, [2, 1], [15, 15]), usual, atol=1e-4)
    # They have no memory: two levels on one grid are one, unless it has ended before.
    np.testing.assert_allclose(field(1.0, [1], [120]), field(1.0, [1, 1], [100, 20]), atol=1e-5)


@pytest.mark.parametrize("forces", ["diffeomorphic", "symmetric", "thirion"])
@pytest.mark.parametrize(("sigma", "of_updates"), [(1.0, 0.0), (1.5, 0.0), (12.0, 0.0), (2.0, 9.0)])
def test_the_smoothing_of_demons_is_as_wide_as_it_says(sigma, of_updates, forces):
    """Two equal images leave nothing but the smoothing of the field; its variance is that of the Gaussian."""
    n = 121
    ramp = sitk.GetImageFromArray(np.tile(np.linspace(0, 1, n, dtype=np.float32), (n, 1)))
    impulse = np.zeros((n, n, 2))
    impulse[n // 2, n // 2] = 1e-3
    method = pairreg.build("method/demons", forces=forces, smoothing=sigma, update_smoothing=of_updates)
    found = geometry.array(method._level(ramp, ramp, sitk.GetImageFromArray(impulse, isVector=True), 1))
    at = np.arange(n) - n // 2
    for axis in (0, 1):
        marginal = found.sum((1 - axis, 2))
        assert (marginal * at**2).sum() / marginal.sum() == pytest.approx(sigma**2, rel=0.02)


def test_a_gaussian_of_which_itk_has_no_kernel_is_refused():
    refused("smoothing should be at most 26; it is 27.0", pairreg.build, "method/demons", smoothing=27.0)
    refused("update_smoothing should be at most 26", pairreg.build, "method/demons", update_smoothing=30)


def composites(ndim: int) -> dict[str, sitk.Transform]:
    """Transforms of any kind: linear, dense after linear, linear after dense, splines."""
    affine = sitk.AffineTransform(ndim)
    affine.SetMatrix((np.eye(ndim) + 0.05 * np.eye(ndim, k=1)).ravel().tolist())
    affine.SetTranslation([1.5, -2.0, 0.5][:ndim])
    dense = sitk.DisplacementFieldTransform(sitk.Cast(known(ndim).true_displacement, sitk.sitkVectorFloat64))
    spline = sitk.BSplineTransformInitializer(known(ndim).fixed, [3] * ndim)
    spline.SetParameters(np.random.default_rng(1).normal(0, 0.8, spline.GetNumberOfParameters()).tolist())
    return {
        "affine": affine,
        "affine of a field": sitk.CompositeTransform([affine, dense]),
        "spline of an affine": sitk.CompositeTransform([spline, affine]),
        "nested": sitk.CompositeTransform([affine, sitk.CompositeTransform([spline, dense])]),
    }


@pytest.mark.parametrize("kind", composites(2))
@pytest.mark.parametrize("ndim", [2, 3])
def test_a_transform_from_a_file_is_scored_and_kept_as_it_is(ndim, kind, tmp_path):
    transform, pair = composites(ndim)[kind], known(ndim)
    draw = np.random.default_rng(2)
    labels = geometry.image((bumps(pair.fixed.GetSize()[::-1]) > 0.5).astype(np.uint8), pair.fixed)
    points = np.array(
        [pair.fixed.TransformContinuousIndexToPhysicalPoint(i) for i in draw.uniform(2, 19, (20, ndim)).tolist()]
    )
    pair = dataclasses.replace(
        pair, fixed_labels=labels, moving_labels=labels, fixed_landmarks=points, moving_landmarks=points
    )
    whole_transform.write(transform, tmp_path / "found.h5")
    method = pairreg.build("method/field", path=str(tmp_path / "found.h5"))
    result = pairreg.register(pair, method=method, preprocessing="minmax")
    ends = np.array([transform.TransformPoint(p) for p in points.tolist()])
    assert result.metrics["tre_mean"] == pytest.approx(np.linalg.norm(ends - points, axis=1).mean(), abs=1e-6)
    warped = sitk.Resample(labels, labels, transform, sitk.sitkNearestNeighbor)
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(labels, warped)
    assert result.metrics["dice_mean"] == pytest.approx(overlap.GetDiceCoefficient(), abs=1e-12)
    assert "seconds" not in result.metrics
    result.save(tmp_path / "run", composition.composed([]), {"pair": "known"})
    kept = Run(tmp_path / "run")
    at = np.array([kept.transform.TransformPoint(p) for p in points.tolist()])
    np.testing.assert_allclose(at, ends, atol=1e-9)
    size = (pair.fixed.GetSize(), pair.fixed.GetOrigin(), pair.fixed.GetSpacing(), pair.fixed.GetDirection())
    exact = geometry.array(sitk.TransformToDisplacementField(transform, sitk.sitkVectorFloat64, *size))
    np.testing.assert_allclose(geometry.array(kept.image("displacement")), exact, atol=1e-4)
    np.testing.assert_allclose(
        whole_transform.determinant(transform, pair.fixed)[(slice(3, -3),) * ndim],
        geometry.array(result.jacobian)[(slice(3, -3),) * ndim],
        atol=1e-3,
    )


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_dense_start_is_composed(ndim, tmp_path):
    """The optimisation goes on from it, and every point is led through both, between voxels, too."""
    pair, start = known(ndim), composites(ndim)["nested"]
    whole_transform.write(start, tmp_path / "start.h5")
    result = pairreg.register(
        pair,
        initialization=pairreg.build("initialization/file", path=str(tmp_path / "start.h5")),
        preset="smoke",
        transform="displacement",
        preprocessing="minmax",
    )
    *before, last = whole_transform.parts(result.transform)
    assert len(before) == len(whole_transform.parts(start))
    index = np.random.default_rng(3).uniform(4, 18, (20, ndim))
    for where in index.tolist():
        point = pair.fixed.TransformContinuousIndexToPhysicalPoint(where)
        through = start.TransformPoint(last.TransformPoint(point))
        np.testing.assert_allclose(result.transform.TransformPoint(point), through, atol=1e-9)
    node = [int(n) for n in index[0]]
    point = pair.fixed.TransformIndexToPhysicalPoint(node)
    np.testing.assert_allclose(
        np.add(point, result.displacement[node]), result.transform.TransformPoint(point), atol=1e-4
    )
    begun = pairreg.evaluate.under_transform(result.prepared.pair, start)
    assert result.metrics["initial/ssim"] == pytest.approx(begun["ssim"])
    assert result.metrics["pcc"] > result.metrics["initial/pcc"]
    others = pairreg.register(
        pair,
        method=pairreg.build("method/demons", shrink=[1], iterations=[2]),
        initialization=pairreg.build("initialization/file", path=str(tmp_path / "start.h5")),
        preprocessing="minmax",
    )
    assert others.metrics["initial/ssim"] == result.metrics["initial/ssim"], "both begin at the same displacements"


def test_an_inverse_that_a_dense_start_leaves_unknown_is_said(tmp_path, caplog):
    pair, start = known(2), composites(2)["nested"]
    whole_transform.write(start, tmp_path / "start.h5")
    how = {"preset": "smoke", "transform": "velocity", "preprocessing": "minmax"}
    with_inverse = pairreg.register(pair, initialization="affine", **how)
    assert with_inverse.inverse is not None and "inverse" not in caplog.text
    dense = pairreg.build("initialization/file", path=str(tmp_path / "start.h5"))
    without = pairreg.register(pair, initialization=dense, **how)
    assert without.inverse is None and "No inverse of the transform of known is kept" in caplog.text, caplog.text


def test_what_a_method_does_not_use_is_no_part_of_its_run(tmp_path):
    written(tmp_path / "t.nii.gz", known(2).true_displacement)

    def signature(*overrides: str) -> str:
        return signature_of(identity(composition.composed(overrides))[0])

    ours, demons, field = (
        signature(),
        signature("method=demons"),
        signature("method=field", f"method.path={tmp_path}/t.nii.gz"),
    )
    assert len({ours, demons, field}) == 3
    for changed in (
        "similarity=mse",
        "regularizer=none",
        "transform=bspline",
        "optimizer=sgd",
        "schedule=single_level",
        "seed=7",
    ):
        assert signature(changed) != ours and signature("method=demons", changed) == demons
    assert signature("method=demons", "initialization=rigid") != demons
    assert signature("method=demons", "preprocessing=minmax") != demons
    for changed in ("initialization=rigid", "threads=2"):
        assert signature("method=field", f"method.path={tmp_path}/t.nii.gz", changed) == field
    syn = signature("method=ants_syn")
    assert signature("method=ants_syn", "method.python=elsewhere/python") == syn
    assert signature("method=ants_syn", "method.start=initialization") != syn != signature("method=ants_syn", "seed=1")
    without = {key: value for key, value in composition.composed([]).items() if key != "method"}
    assert signature_of(identity(without)[0]) == ours, "runs of an earlier version keep their names"
    # A file that is replaced is another transform; the same one elsewhere is not.
    written(tmp_path / "u.nii.gz", known(2).true_displacement)
    assert signature("method=field", f"method.path={tmp_path}/u.nii.gz") == field
    written(tmp_path / "u.nii.gz", known(3).true_displacement)
    assert signature("method=field", f"method.path={tmp_path}/u.nii.gz") != field


PROGRAM = """
import json, sys
import SimpleITK as sitk
fixed, moving, output, *more = sys.argv[1:]
images = [sitk.ReadImage(path) for path in (fixed, moving)]
transform = sitk.TranslationTransform(images[0].GetDimension(), [1.0] * images[0].GetDimension())
sitk.WriteTransform(transform, output + ".tfm")
print("did it", more)
if "fail" in more:
    sys.exit("no convergence in level 2")
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "a program.py"
    path.write_text(PROGRAM)
    return f"{sys.executable} '{path}' {{fixed}} {{moving}} {{output}}"


@pytest.mark.parametrize("ndim", [2, 3])
def test_any_program(ndim, program):
    method = pairreg.build("method/command", command=program, result="{output}.tfm")
    result = pairreg.register(known(ndim), method=method, preprocessing="minmax")
    origin = [0.0] * ndim
    assert result.transform.TransformPoint(origin) == tuple([1.0] * ndim)
    assert result.metrics["seconds"] > 0 and result.metrics["peak_memory_mb"] > 10


def test_masks_that_a_method_does_not_use_are_said(program, caplog):
    pair = known(2)
    mask = sitk.Cast(pair.fixed > 0.5, sitk.sitkUInt8)
    both = dataclasses.replace(pair, fixed_mask=mask, moving_mask=mask)

    def warnings(given: Pair, name: str, **settings: object) -> list[str]:
        caplog.clear()
        pairreg.register(given, method=pairreg.build(f"method/{name}", **settings), initialization="none")
        return [record.getMessage() for record in caplog.records]

    demons = {"shrink": [4], "iterations": [1]}
    said = "method=demons does not use fixed_mask and moving_mask of known: only preprocessing and metrics do."
    assert warnings(both, "demons", **demons) == [said]
    assert warnings(pair, "demons", **demons) == []
    assert warnings(both, "bspline_itk", shrink=[4], iterations=1, sampled=1.0) == []
    command = {"command": program, "result": "{output}.tfm"}
    (said,) = warnings(dataclasses.replace(pair, fixed_mask=mask), "command", **command)
    assert said == "method=command does not use fixed_mask of known: only preprocessing and metrics do."
    (said,) = warnings(both, "command", **command | {"command": f"{program} {{fixed_mask}}"})
    assert said.startswith("method=command does not use moving_mask of known")
    assert warnings(both, "command", **command | {"command": f"{program} --masks={{fixed_mask}},{{moving_mask}}"}) == []


def test_parts_that_a_method_does_not_use_are_checked_as_others():
    demons = {"method": pairreg.build("method/demons", shrink=[4], iterations=[1]), "initialization": "none"}
    for parts, said in (
        ({"similarity": "nonsense"}, "similarity option 'nonsense' is not one of"),
        ({"similarity": ["ncc", "ncc"]}, "similarity 'ncc' is listed twice"),
        ({"regularizer": {"mine": pairreg.build("similarity/ncc")}}, "regularizer.mine should be a"),
        ({"schedule": 3}, "schedule should be a pairreg.schedule.base.Schedule; it is 'int'."),
        ({"transform": "zzz"}, "transform option 'zzz' is not one of"),
    ):
        refused(said, pairreg.register, known(2), **demons, **parts)
    usual, given = (pairreg.register(known(2), **demons, **parts) for parts in ({}, {"similarity": "mse", "seed": 3}))
    np.testing.assert_array_equal(given.field, usual.field)


def test_a_program_that_does_not_do_it(program):
    def call(command: str, result: str = "{output}.tfm") -> None:
        method = pairreg.build("method/command", command=command, result=result)
        pairreg.register(known(2), method=method, preprocessing="minmax")

    with pytest.raises(MethodError, match=r"ended with 1 \(no convergence in level 2\)"):
        call(f"{program} fail")
    with pytest.raises(MethodError, match=r"has not left output1Warp.nii.gz; it left output.tfm"):
        call(program, "{output}1Warp.nii.gz")
    refused("no program 'nowhere'", call, "nowhere {fixed}")
    refused("{fixed_labels}, which the pair does not have", call, f"{program} {{fixed_labels}}")
    refused("placeholders", call, f"{program} {{thread}}")
    refused("No closing quotation", call, f"{program} '")
    for placeholder in (
        "{fixed:s}",
        "{seed:d}",
        "{threads:02d}",
        "{threads:>{seed}}",
        "{fixed!r}",
        "{fixed.name}",
        "{}",
    ):
        refused("placeholders", call, f"{program} {placeholder}")
        refused("placeholders", call, program, f"{{output}}{placeholder}")
    refused("begins with a program", call, "{fixed} {moving}")
    refused("begins with a program", call, " ")
    refused("Single '}'", call, f"{program} }}")
    for role in ("fixed_mask", "moving_labels"):
        refused(f"result has {{{role}}}, which command does not have", call, program, f"{{{role}}}.tfm")


def test_seeds_and_threads_count_where_a_placeholder_has_them(program, tmp_path):
    """In the command or in the name of a result; braces that are doubled are text."""

    def numbers(command: str, *results: str) -> frozenset[str]:
        return pairreg.build("method/command", command=command, result=list(results) or "{output}.tfm").numbers

    assert numbers(program) == numbers(f"{program} {{{{seed}}}}", "{{threads}}") == frozenset()
    assert numbers(f"{program} --seed={{seed}}") == {"seed"}
    assert numbers(f"{program} '-a {{threads}}{{seed}}'") == {"seed", "threads"}
    assert numbers(program, "{output}.tfm", "{output}_{seed}.tfm") == {"seed"}
    pair = known(2)
    # Nor does text ask for labels, which this pair does not have; a result may be named by an image, or by itself.
    named = ("{fixed}.tfm", "it's.tfm", "{{}}.tfm")
    for more, result in ((" {{moving_labels}}", "{output}.tfm"), *(("", name) for name in named)):
        output = result.removesuffix(".tfm").replace("'", "\\'")
        method = pairreg.build("method/command", command=program.replace("{output}", output) + more, result=result)
        found = pairreg.register(pair, method=method, preprocessing="minmax")
        assert found.transform.TransformPoint((0.0, 0.0)) == (1.0, 1.0)


@pytest.mark.parametrize("named", ["./reg", "sub/reg", "reg"])
def test_a_program_is_found_from_the_working_folder(named, program, tmp_path, monkeypatch):
    """It runs in a folder of its own, whatever its path, or PATH, is relative to."""
    script = tmp_path / "place" / (named if named.startswith("sub") else "reg")
    script.parent.mkdir(parents=True)
    script.write_text('#!/bin/sh\nexec "$@"\n')
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path / "place")
    if named == "reg":
        monkeypatch.setenv("PATH", f".{os.pathsep}{os.environ['PATH']}")
    method = pairreg.build("method/command", command=f"{named} {program}", result="{output}.tfm")
    assert pairreg.register(known(2), method=method, preprocessing="minmax").metrics["seconds"] > 0


@pytest.mark.parametrize(("name", "package"), [("ants_syn", "antspyx"), ("elastix", "itk-elastix")])
def test_what_is_not_installed_is_one_sentence(name, package, monkeypatch):
    monkeypatch.delenv("PAIRREG_PEERS", raising=False)
    method = pairreg.build(f"method/{name}", python=sys.executable)
    said = refused(package, pairreg.register, known(2), method=method)
    assert f"python -m venv peers && peers/bin/pip install {package}, and export PAIRREG_PEERS=peers/bin/python" in said
    assert said.index("PAIRREG_PEERS") < said.index("pip install 'pairreg[peers]' where its NumPy fits")
    assert how_to_have("peers/bin/python", [package]) == f"peers/bin/python -m pip install {package}"
    refused("cannot be started", pairreg.register, known(2), method=pairreg.build(f"method/{name}", python="nowhere"))


def test_an_interpreter_is_a_path_from_the_working_folder(tmp_path, monkeypatch):
    """It is started in a folder of its own."""
    python = tmp_path / "peers/python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\n[ $1 = -c ] && echo \'{"antspyx": "0.6"}\' || exit 3\n')
    python.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MethodError, match="peers/python ended with 3"):
        pairreg.register(known(2), method=pairreg.build("method/ants_syn", python="peers/python"))


def test_methods_of_others_do_not_import_tensorflow(tmp_path):
    import subprocess

    code = "import sys, pairreg; from pairreg.pair.pair import Pair; "
    code += "pair = pairreg.build('pair/thorax_ct_2d'); "
    code += "m = pairreg.build('method/demons', shrink=[4], iterations=[2]); "
    code += f"pairreg.register(pair, method=m).save({str(tmp_path / 'run')!r}); sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert json.loads((tmp_path / "run" / "result.json").read_text())["provenance"]["version/SimpleITK"]
