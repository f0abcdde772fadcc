"""`pairreg-warp`: carry an image, a label map or a list of points along with a finished run."""

import argparse
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.cli.common import Parser, run
from pairreg.errors import InputError
from pairreg.files import replacing, target
from pairreg.geometry import Interpolation
from pairreg.pair.checks import read_intensities, read_label_map
from pairreg.pair.landmarks import read_points, write_points
from pairreg.pair.reading import read_image
from pairreg.points import TOLERANCE, to_fixed, to_moving
from pairreg.runs.transform import RunTransform

POINT_FILES = (".csv", ".json")
IMAGE_FILES = (".nii.gz", ".nii", ".nrrd", ".mha")  # one file each, which keeps the grid and any pixel type


def main() -> None:
    parser = Parser(
        prog="pairreg-warp",
        description="Carry an image, a label map or points of the moving image along with a finished run.",
    )
    parser.add_argument("run", metavar="RUN_FOLDER", type=Path)
    parser.add_argument("file", metavar="IMAGE", help="image in the space of the moving one, or points (CSV, JSON)")
    parser.add_argument("-o", metavar="OUT", dest="output", required=True, help=f"{', '.join(IMAGE_FILES)} or as IMAGE")
    parser.add_argument(
        "--interpolation",
        choices=["linear", "nearest", "label"],
        help="linear (default): intensities; nearest, label (smooth outlines): label maps",
    )
    parser.add_argument("--mass-preserving", action="store_true", help="keep the integral: an activity, a density")
    parser.add_argument("--grid", metavar="FILE", help="image whose grid to use; fixed (default): the fixed image's")
    parser.add_argument("--inverse", action="store_true", help="points: from the fixed to the moving image")
    run(parser, warp)


def warp(arguments: argparse.Namespace) -> None:
    check_usage(arguments)
    output = target(arguments.output)
    run = RunTransform.read(arguments.run)
    if is_points(arguments.file):
        warp_points(run, arguments.file, output, arguments.inverse)
        return
    image = warp_image(run, arguments)
    with replacing(output) as part:
        sitk.WriteImage(image, str(part))


def is_points(file: str) -> bool:
    return file.lower().endswith(POINT_FILES)


def check_usage(arguments: argparse.Namespace) -> None:
    points = is_points(arguments.file)
    given = [f"--{key.replace('_', '-')}" for key, value in vars(arguments).items() if value]
    for option in ("--interpolation", "--mass-preserving", "--grid") if points else ("--inverse",):
        if option in given:
            kind = "images, and this is a list of points" if points else "lists of points (.csv, .json)"
            raise InputError(f"{arguments.file}: {option} is for {kind}; leave it out.")
    if arguments.mass_preserving and arguments.interpolation in ("nearest", "label"):
        raise InputError(f"--mass-preserving changes intensities, {arguments.interpolation} keeps labels; use linear.")
    endings = (Path(arguments.file).suffix.lower(),) if points else IMAGE_FILES
    if not arguments.output.lower().endswith(endings):
        raise InputError(f"{arguments.output} cannot be written; give a name that ends in {' or '.join(endings)}.")


def warp_image(run: RunTransform, arguments: argparse.Namespace) -> sitk.Image:
    """Raises `InputError` if nothing of the image comes to lie on the grid."""
    file = arguments.file
    interpolation: Interpolation = arguments.interpolation or "linear"
    image = read_intensities(file) if interpolation == "linear" else read_label_map(file)
    own = arguments.grid in (None, "fixed")
    grid = run.fixed_grid() if own else read_image(arguments.grid)
    for path, given in ((file, image), (arguments.grid, grid)):
        if given.GetDimension() != run.ndim:
            raise InputError(f"{path} is {given.GetDimension()}-D, the run {run.ndim}-D; give a {run.ndim}-D image.")
    if not (run.known(grid) & geometry.coverage(image, grid, run.transform)).any():
        where = "the fixed image" if own else arguments.grid
        raise InputError(f"{file} does not meet {where} after the transform; check its origin, spacing and direction.")
    return run.warp(image, grid, interpolation, arguments.mass_preserving)


def warp_points(run: RunTransform, file: str, output: Path, inverse: bool) -> None:
    """Raises `InputError` for points whose counterpart is not known."""
    source, goal = ("fixed", "moving") if inverse else ("moving", "fixed")
    points = read_points(file, source, run.ndim)
    carried = (to_moving if inverse else to_fixed)(points, run.displacement)
    lost = np.isnan(carried).any(1)
    if lost.any():
        numbers = ", ".join(str(i) for i in np.flatnonzero(lost) + 1)
        why = "lie outside the fixed image" if inverse else f"are not reached from it within {TOLERANCE} mm"
        raise InputError(f"{file}: of its {len(points)} points, number {numbers} {why}; leave them out.")
    with replacing(output) as part:
        write_points(part, carried, like=file, image=goal)


if __name__ == "__main__":
    main()
