"""The command `pairreg-warp`, which carries an image, a label map or a list of points along with a finished run."""

import argparse
from pathlib import Path

from pairreg.cli.common import Parser, run
from pairreg.cli.outputs import FORCE, output_file
from pairreg.errors import InputError
from pairreg.files import expanded
from pairreg.pair.parts import POINT_FILES

_IMAGE_FILES = (".nii.gz", ".nii", ".nrrd", ".mha")  # one file each, which keeps the grid and any pixel type


def main() -> None:
    """Run the command `pairreg-warp`."""
    parser = Parser(
        prog="pairreg-warp",
        description="Carry an image, a label map or points of the moving image along with a finished run.",
    )
    parser.add_argument("run", metavar="RUN_FOLDER", type=Path)
    parser.add_argument(
        "file", metavar="IMAGE", help="image in the space of the moving one, or points (.csv, .fcsv, .mrk.json, …)"
    )
    parser.add_argument(
        "-o", metavar="OUT", dest="output", required=True, help=f"{', '.join(_IMAGE_FILES)} or as IMAGE"
    )
    parser.add_argument(
        "--interpolation",
        choices=["linear", "nearest", "label"],
        help="linear (default): intensities; nearest, label (smooth outlines): label maps",
    )
    parser.add_argument("--mass-preserving", action="store_true", help="keep the integral: an activity, a density")
    parser.add_argument("--grid", metavar="FILE", help="image whose grid to use; fixed (default): the fixed image's")
    parser.add_argument("--inverse", action="store_true", help="points: from the fixed to the moving image")
    parser.add_argument(FORCE, action="store_true", help="replace OUT even if it is an input or a file of a run")
    run(parser, _warp)


def _warp(arguments: argparse.Namespace) -> None:
    from pairreg.cli.warped_file import warp_image, warp_points
    from pairreg.geometry import Interpolation
    from pairreg.runs.transform import RunTransform

    _check_usage(arguments)
    inputs = [arguments.file, *([arguments.grid] if arguments.grid not in (None, "fixed") else [])]
    output = output_file(arguments.output, inputs, force=arguments.force)
    run = RunTransform.read(expanded(arguments.run))
    if _is_points(arguments.file):
        written = warp_points(run, arguments.file, output, arguments.inverse)
    else:
        interpolation: Interpolation = arguments.interpolation or "linear"
        grid = arguments.grid or "fixed"
        written = warp_image(run, arguments.file, output, interpolation, arguments.mass_preserving, grid)
    print(f"{output}: {written}")


def _is_points(file: str) -> bool:
    return file.lower().endswith(POINT_FILES)


def _check_usage(arguments: argparse.Namespace) -> None:
    """Raise `InputError` for options that do not fit the kind of file."""
    points = _is_points(arguments.file)
    given = [f"--{key.replace('_', '-')}" for key, value in vars(arguments).items() if value]
    for option in ("--interpolation", "--mass-preserving", "--grid") if points else ("--inverse",):
        if option in given:
            kind = "images, and this is a list of points" if points else f"lists of points ({', '.join(POINT_FILES)})"
            raise InputError(f"{arguments.file}: {option} is for {kind}; leave it out.")
    if arguments.mass_preserving and arguments.interpolation in ("nearest", "label"):
        raise InputError(f"--mass-preserving changes intensities, {arguments.interpolation} keeps labels; use linear.")
    endings = (Path(arguments.file).suffix.lower(),) if points else _IMAGE_FILES
    if not arguments.output.lower().endswith(endings):
        raise InputError(f"{arguments.output} cannot be written; give a name that ends in {' or '.join(endings)}.")


if __name__ == "__main__":
    main()
