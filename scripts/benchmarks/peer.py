"""One registration by ANTs or elastix; prints its seconds (without start-up and files) as JSON, and leaves what moved.

    python peer.py METHOD FIXED MOVING OUTPUT [--labels MOVING_LABELS] [--points FIXED_POINTS.json] [--centres]

METHOD: syn (antspyx, `SyN` with its affine), elastix (default translation, affine and B-spline). OUTPUT is a folder for
`warped_labels.nii.gz` (nearest neighbour, on the fixed grid) and, by syn only, `points.json` (where the fixed points
come to lie in the moving image, LPS mm). Images are scaled to [0, 1]; `--centres` first moves the moving image so that
the centres of both grids coincide, for scanner coordinates that have nothing to do with each other.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import ants
import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("method", "fixed", "moving", "output"):
        parser.add_argument(name)
    for name in ("--labels", "--points"):
        parser.add_argument(name)
    parser.add_argument("--centres", action="store_true")
    arguments = parser.parse_args()
    fixed, moving = (scaled(ants.image_read(path)) for path in (arguments.fixed, arguments.moving))
    labels = ants.image_read(arguments.labels) if arguments.labels else None
    if arguments.centres:
        origin = np.array(moving.origin) + centre(fixed) - centre(moving)
        for image in filter(None, (moving, labels)):
            image.set_origin(tuple(origin))
    seconds, warp, points = {"syn": syn, "elastix": elastix}[arguments.method](fixed, moving)
    output = Path(arguments.output)
    if labels is not None:
        ants.image_write(warp(labels), str(output / "warped_labels.nii.gz"))
    if arguments.points:
        mapped = points(np.array(json.loads(Path(arguments.points).read_text())["fixed"], float))
        (output / "points.json").write_text(json.dumps(mapped.tolist()))
    print(json.dumps({"seconds": seconds}))


def scaled(image: Any) -> Any:
    return (image - image.min()) / (image.max() - image.min())


def centre(image: Any) -> np.ndarray:
    half = (np.array(image.shape) - 1) / 2 * image.spacing
    return np.array(image.origin) + image.direction @ half


def syn(fixed: Any, moving: Any) -> tuple[float, Any, Any]:
    began = time.perf_counter()
    found = ants.registration(fixed, moving, type_of_transform="SyN", random_seed=1)["fwdtransforms"]
    seconds = time.perf_counter() - began

    def warp(labels: Any) -> Any:
        return ants.apply_transforms(fixed, labels, found, interpolator="nearestNeighbor")

    def points(at: np.ndarray) -> np.ndarray:
        import pandas

        table = pandas.DataFrame(at, columns=list("xyz"))
        return ants.apply_transforms_to_points(3, table, found)[list("xyz")].to_numpy()

    return seconds, warp, points


def elastix(fixed: Any, moving: Any) -> tuple[float, Any, Any]:
    import itk

    with tempfile.TemporaryDirectory() as folder:
        images = []
        for name, image in (("fixed", fixed), ("moving", moving)):
            ants.image_write(image, f"{folder}/{name}.nii.gz")
            images.append(itk.imread(f"{folder}/{name}.nii.gz", itk.F))
    settings = itk.ParameterObject.New()
    for kind in ("translation", "affine", "bspline"):
        settings.AddParameterMap(settings.GetDefaultParameterMap(kind))
    began = time.perf_counter()
    _, found = itk.elastix_registration_method(*images, parameter_object=settings, log_to_console=False)
    seconds = time.perf_counter() - began

    def warp(labels: Any) -> Any:
        for k in range(found.GetNumberOfParameterMaps()):
            found.SetParameter(k, "FinalBSplineInterpolationOrder", "0")
        with tempfile.TemporaryDirectory() as folder:
            ants.image_write(labels, f"{folder}/labels.nii.gz")
            moved = itk.transformix_filter(itk.imread(f"{folder}/labels.nii.gz", itk.F), found)
        array = np.asarray(itk.array_view_from_image(moved)).T.astype(np.float32)
        return ants.from_numpy(array, origin=fixed.origin, spacing=fixed.spacing, direction=fixed.direction)

    return seconds, warp, None


if __name__ == "__main__":
    main()
