"""The command `pairreg-convert`, which writes a transform of any tool, or of a finished run, in another format."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pairreg.cli.common import Parser, run
from pairreg.cli.outputs import FORCE, output_file
from pairreg.errors import InputError

if TYPE_CHECKING:
    import SimpleITK as sitk

DESCRIPTION = """Write a transform in another format.

IN is the transform of any tool (ITK, ANTs, Slicer, elastix, NiftyReg, SPM, FSL, Learn2Reg), several files in the order
of antsApplyTransforms -t (the first one takes a point of the fixed image first; [FILE,1] is an inverse), the prefix of
antsRegistration, or the folder of a run. Of elastix, give the last file of a chain: it names the others."""


def main() -> None:
    """Run the command `pairreg-convert`."""
    parser = Parser(
        prog="pairreg-convert", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("transforms", metavar="IN", nargs="+", help="transform files, or a run folder")
    parser.add_argument("output", metavar="OUT", help="file to write; its name says the format unless --to does")
    parser.add_argument("--fixed", metavar="FILE", help="fixed image: what is stored at voxels needs its grid")
    parser.add_argument("--moving", metavar="FILE", help="moving image: learn2reg and fsl need its grid")
    parser.add_argument(
        "--from", metavar="FORMAT", dest="source", help="itk, ants, elastix, nifti, ras, learn2reg, fsl or voxels"
    )
    parser.add_argument("--to", metavar="FORMAT", dest="target", help="itk, nifti (LPS mm), learn2reg or fsl (FLIRT)")
    parser.add_argument(FORCE, action="store_true", help="replace OUT even if it is an input or a file of a run")
    run(parser, _convert)


def _convert(arguments: argparse.Namespace) -> None:
    from pairreg.runs.transform import RunTransform
    from pairreg.transform_files.images import Images
    from pairreg.transform_files.read import check_dimensions, files_of, read_transform
    from pairreg.transform_files.write import WRITTEN, write_transform, written_format

    folder = _run_folder(arguments)
    inputs = [folder] if folder else [*files_of({"path": arguments.transforms}).values()]
    images = [name for name in (arguments.fixed, arguments.moving) if name]
    output = output_file(arguments.output, [*inputs, *images], force=arguments.force)
    target = arguments.target or written_format(output)
    if target not in WRITTEN:
        raise InputError(f"--to should be one of {', '.join(WRITTEN)}; it is {target!r}.")
    fixed, moving = (name and _grid_of(name) for name in (arguments.fixed, arguments.moving))
    if folder:
        finished = RunTransform.read(folder)
        grid = finished.fixed_grid() if fixed is None else fixed
        check_dimensions([finished.transform], [folder], Images(grid, moving))
        write_transform(finished.transform, output, target, grid, moving)
    else:
        transform = read_transform(arguments.transforms, fixed, moving, arguments.source)
        write_transform(transform, output, target, fixed, moving)
    print(f"{output}: a transform, format {target}")


def _grid_of(file: str) -> "sitk.Image":
    """The image whose grid is used; what was repaired in it is said."""
    from pairreg.reading.any_format import read

    found = read(file)
    found.announce()
    return found.image


def _run_folder(arguments: argparse.Namespace) -> Path | None:
    """The folder of the run that is to be converted; None for files. Raises `InputError` for a mixture."""
    from pairreg.files import expanded

    folders = [path for path in map(expanded, arguments.transforms) if os.path.isdir(path)]
    if not folders:
        return None
    if len(arguments.transforms) > 1 or arguments.source:
        raise InputError(f"{folders[0]} is a folder; that of a run is converted alone and without --from.")
    return folders[0]


if __name__ == "__main__":
    main()
