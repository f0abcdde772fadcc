"""Registers by elastix, and compares how we read its transforms with how transformix applies them; see `check_elastix`.

`write FOLDER` needs itk-elastix, `compare FOLDER` pairreg. Each folder (`2d_registered`, `3d_recursive`, …) has the
files of a chain, the points that transformix was given, what it made of them, and the field that it wrote.
"""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

STEPS = ("translation", "rigid", "similarity", "affine", "bspline")  # of the registration, each going on from the last
POINTS = 1e-3  # mm: transformix writes six decimals, and its field in float32


def write(folder: Path) -> None:
    for ndim in (2, 3):
        registered = folder / f"{ndim}d_registered"
        register(registered, ndim)
        for variant, change in VARIANTS.items():
            one = folder / f"{ndim}d_{variant}"
            one.mkdir()
            for file in registered.glob("TransformParameters.*.txt"):
                (one / file.name).write_text(change(file.read_text().replace(str(registered), str(one))))
        for one in folder.glob(f"{ndim}d_*"):
            transformix(one, ndim)


def larger(text: str) -> str:
    """A transform that is so large that the order of its angles and the place of each control point count."""
    count = int(re.search(r"\(NumberOfParameters (\d+)\)", text)[1])
    if '"EulerTransform"' in text:
        numbers = [0.4, 2, -1] if count == 3 else [0.3, -0.4, 0.5, 2, -1, 3]
    elif '"BSplineTransform"' in text:
        numbers = np.random.default_rng(0).uniform(-2, 2, count).tolist()
    else:
        return text
    return re.sub(r"\(TransformParameters [^)]*\)", f"(TransformParameters {' '.join(map(repr, numbers))})", text)


# The registration's files with other values: elastix itself writes them for other settings.
VARIANTS = {
    "large": larger,
    "zyx": lambda text: larger(text).replace('(ComputeZYX "false")', '(ComputeZYX "true")'),
    "recursive": lambda text: larger(text).replace('"BSplineTransform"', '"RecursiveBSplineTransform"'),
    "quadratic": lambda text: larger(text).replace("SplineOrder 3", "SplineOrder 2"),
    "linear": lambda text: larger(text).replace("SplineOrder 3", "SplineOrder 1"),
    "added": lambda text: larger(text).replace('"Compose"', '"Add"'),
}


def register(folder: Path, ndim: int) -> None:
    import itk

    folder.mkdir(parents=True)
    maps = itk.ParameterObject.New()
    for step in STEPS:
        known = maps.GetDefaultParameterMap("rigid" if step == "similarity" else step, 1)
        known["MaximumNumberOfIterations"] = ["8"]
        known["NumberOfSpatialSamples"] = ["500"]
        known["AutomaticTransformInitialization"] = ["false"]
        if step == "similarity":
            known["Transform"] = ["SimilarityTransform"]
        if step == "bspline":
            known["FinalGridSpacingInPhysicalUnits"] = ["9"]
        maps.AddParameterMap(known)
    fixed, moving = (image(ndim, number) for number in range(2))
    itk.elastix_registration_method(fixed, moving, parameter_object=maps, output_directory=str(folder))


def image(ndim: int, number: int) -> Any:
    """Two blobs on an anisotropic, turned grid; the second image has another grid and moved blobs."""
    import itk

    shape = (24, 26, 28)[-ndim:]
    index = np.moveaxis(np.indices(shape), 0, -1) - np.array(shape) / 2
    centres = 4 * np.array([[0.0, 0.0, 0.0], [-1.0, 1.2, 0.5]])[:, -ndim:] + number
    values = sum(np.exp(-((index - centre) ** 2).sum(-1) / (30 - 20 * i)) for i, centre in enumerate(centres))
    found = itk.image_from_array((100 * values).astype(np.float32))
    found.SetSpacing(((1.5, 1.0, 2.0), (1.3, 1.2, 2.1))[number][:ndim])
    turn = np.linalg.qr(np.random.default_rng(ndim).normal(size=(ndim, ndim)))[0]
    turn[:, 0] *= np.linalg.det(turn)
    found.SetDirection(itk.matrix_from_array(turn))
    centre = turn @ (np.array(found.GetSpacing()) * np.array(shape[::-1]) / 2)
    found.SetOrigin((np.array([-20.0, 35.0, 60.0])[:ndim] - centre).tolist())
    return found


def transformix(folder: Path, ndim: int) -> None:
    """What transformix makes of points in the fixed image, and of all its voxels."""
    import itk

    fixed = image(ndim, 0)
    index = np.random.default_rng(0).uniform(2, np.array(itk.size(fixed)) - 3, (40, ndim))
    steps = itk.array_from_matrix(fixed.GetDirection()) * np.array(fixed.GetSpacing())
    points = index @ steps.T + np.array(fixed.GetOrigin())
    np.save(folder / "points.npy", points)
    listed = [" ".join(map(repr, point)) for point in points.tolist()]
    (folder / "points.txt").write_text("\n".join(["point", str(len(points)), *listed]))
    filter = transformix_filter(folder, ndim)
    filter.SetFixedPointSetFileName(str(folder / "points.txt"))
    filter.UpdateLargestPossibleRegion()
    found = re.findall(r"OutputPoint = \[ ([^]]*)\]", (folder / "outputpoints.txt").read_text())
    np.save(folder / "moved.npy", np.array([text.split() for text in found], float))
    filter = transformix_filter(folder, ndim)
    filter.SetComputeDeformationField(True)
    filter.UpdateLargestPossibleRegion()
    itk.imwrite(filter.GetOutputDeformationField(), str(folder / "deformationField.nii.gz"))


def transformix_filter(folder: Path, ndim: int) -> Any:
    """Transformix with the chain of the folder; it does one thing at a time."""
    import itk

    chain = itk.ParameterObject.New()
    for step in range(len(STEPS)):
        chain.AddParameterFile(str(folder / f"TransformParameters.{step}.txt"))
    filter = itk.TransformixFilter.New(image(ndim, 1))
    filter.SetTransformParameterObject(chain)
    filter.SetOutputDirectory(str(folder))
    return filter


def compare(folder: Path) -> None:
    from pairreg.transform_files.read import read_transform

    worst = {"points by the parameter files": 0.0, "points by the deformation field": 0.0}
    folders = sorted(folder.iterdir())
    for one in folders:
        points, moved = np.load(one / "points.npy"), np.load(one / "moved.npy")
        assert np.abs(moved - points).max() > 0.5, f"{one.name} moves nothing"
        by_files = read_transform(one / f"TransformParameters.{len(STEPS) - 1}.txt", None, None)
        field = read_transform(one / "deformationField.nii.gz", None, None)
        centres = [nearest_voxel(field, point) for point in points.tolist()]
        found = {
            "points by the parameter files": np.abs(led(by_files, points) - moved).max(),
            "points by the deformation field": np.abs(led(by_files, centres) - led(field, centres)).max(),
        }
        worst = {name: max(value, float(found[name])) for name, value in worst.items()}
    for name, value in worst.items():
        print(f"{name}: at most {value:.2g} mm in {len(folders)} chains (limit {POINTS:g})")
        assert value <= POINTS, name


def led(transform: Any, points: Any) -> np.ndarray:
    return np.array([transform.TransformPoint([float(x) for x in point]) for point in points])


def nearest_voxel(field: Any, point: list[float]) -> Any:
    """The centre of a voxel, where a field is not interpolated."""
    image = field.GetDisplacementField()
    return image.TransformIndexToPhysicalPoint(image.TransformPhysicalPointToIndex(point))


if __name__ == "__main__":
    {"write": write, "compare": compare}[sys.argv[1]](Path(sys.argv[2]))
