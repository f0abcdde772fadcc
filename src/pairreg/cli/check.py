"""`pairreg-check`: what is understood of the files of a pair, before anything is registered."""

import argparse
from pathlib import Path

from pairreg.cli.common import Parser, run
from pairreg.cli.outputs import FORCE, output_file
from pairreg.files import is_there


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
    parser.add_argument(FORCE, action="store_true", help="replace OUT.png even if it is an input or a file of a run")
    run(parser, check)


def check(arguments: argparse.Namespace) -> None:
    from pairreg.cli.checked_inputs import Checked

    settings = [text for text in arguments.inputs if "=" in text and not is_there(text)]
    read = [text.partition("=")[2] if text in settings else text for text in arguments.inputs]
    output = None if arguments.figure is None else output_file(arguments.figure, read, (".png",), arguments.force)
    checked = Checked(figure=output is not None)
    if settings:
        checked.pairs_of(arguments.inputs)
    else:
        checked.files([Path(text) for text in arguments.inputs])
    checked.finish(output)


if __name__ == "__main__":
    main()
