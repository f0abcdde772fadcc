"""`pairreg-check`: what is understood of the files of a pair, before anything is registered."""

import argparse
from pathlib import Path

from pairreg.cli.common import Parser, run
from pairreg.files import target


def main() -> None:
    parser = Parser(
        prog="pairreg-check",
        description="Print what is understood of images, labels, landmarks, HDF5 files and manifests, or of a pair.",
    )
    parser.add_argument(
        "inputs",
        metavar="FILE",
        nargs="+",
        help="files or DICOM folders; or the settings of a pair, such as pair=files pair.fixed=a.nii pair.moving=b.nii",
    )
    parser.add_argument(
        "--figure", metavar="OUT.png", help="draw three planes of every image with the sides of the body"
    )
    run(parser, check)


def check(arguments: argparse.Namespace) -> None:
    from pairreg.cli.checked_inputs import Checked

    output = None if arguments.figure is None else target(arguments.figure)
    settings = [text for text in arguments.inputs if "=" in text and not Path(text).expanduser().exists()]
    checked = Checked()
    if settings:
        checked.pairs_of(arguments.inputs)
    else:
        checked.files([Path(text) for text in arguments.inputs])
    checked.finish(output)


if __name__ == "__main__":
    main()
