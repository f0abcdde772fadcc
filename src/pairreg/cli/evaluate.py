"""The command `pairreg-evaluate`, which scores transforms that were found elsewhere with all our metrics."""

import argparse
import re

from pairreg.cli.common import Parser, run
from pairreg.errors import InputError
from pairreg.files import is_there

SETTING = re.compile(r"[+~]{0,2}[A-Za-z_][\w./]*=")
_PAIR = re.compile(r"\+?(?:pair|benchmark)=")  # what says on which pairs
_LINK = re.compile(r"\[.+?,\s*[01]\s*\](?=,|$)|[^,]+")  # a file of one transform, or its inverse as `[FILE,1]`


def main() -> None:
    """Run the command `pairreg-evaluate`; its exit codes are those of `pairreg`."""
    parser = Parser(
        prog="pairreg-evaluate",
        usage="pairreg-evaluate TRANSFORM ... [--format FORMAT] [SETTING=VALUE ...]",
        description="Score transforms from files on a pair (pair=files pair.fixed=... and so on) with all metrics: a "
        "run each, and a table and a report of several. It is pairreg method=field method.path=TRANSFORM,... with "
        "study=evaluate; other settings are those of pairreg.",
    )
    parser.add_argument(
        "given",
        metavar="TRANSFORM",
        nargs="+",
        help="a file, or the files of one transform with commas, in the order of antsApplyTransforms -t; [FILE,1] is "
        "an inverse",
    )
    parser.add_argument(
        "--format", help="of all files, such as ants, elastix, learn2reg, voxels (default: told from each)"
    )
    run(parser, _evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    from pairreg.cli.run import execute
    from pairreg.transform_files.read import FORMATS
    from pairreg.validation import one_of

    settings = [argument for argument in options.given if _is_setting(argument)]
    transforms = [argument for argument in options.given if argument not in settings]
    if not transforms:
        raise InputError("no transform is given; pairreg-evaluate --help shows how to call it.")
    if not any(_PAIR.match(setting) for setting in settings):  # the default is of no use: a transform has its own pair
        raise InputError(
            "no pair is given; add the one that the transforms are of, as pair=files pair.fixed=FILE pair.moving=FILE."
        )
    if options.format is not None:
        settings.append(f"method.format={one_of('--format', options.format, FORMATS)}")
    paths = ",".join(_value(transform) for transform in transforms)
    arguments = ["method=field", "study=evaluate", f"method.path={paths}", *settings]
    execute([*arguments, *(["-m"] if len(transforms) > 1 else [])])


def _is_setting(argument: str) -> bool:
    return SETTING.match(argument) is not None and not is_there(argument)


def _value(transform: str) -> str:
    """Return one transform as Hydra reads it: a path, or a list of those of one transform."""
    from pairreg.composition import quoted

    files = [transform] if is_there(transform) else _LINK.findall(transform)
    return quoted(transform) if len(files) < 2 else f"[{','.join(map(quoted, files))}]"
