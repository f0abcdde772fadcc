"""The command `pairreg-pack`, which writes the pairs of a manifest into one HDF5 file."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import track

from pairreg.cli.common import Parser, run
from pairreg.cli.outputs import FORCE, output_file
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.pair.manifest import CHANNEL, COLUMNS, FIXED_CHANNEL, read_manifest

if TYPE_CHECKING:
    from pairreg.pair.pair import Pair


@dataclass(frozen=True)
class Case:
    """A pair to pack under the name of its case; `where` begins messages about it, `files` are read by `load`."""

    name: str
    where: str
    files: Sequence[str | Path]
    load: Callable[[], "Pair"]


def main() -> None:
    """Run the command `pairreg-pack`."""
    parser = Parser(prog="pairreg-pack", description="Pack many pairs into one HDF5 file for pair=hdf5.")
    header = ", ".join([*COLUMNS, f"{CHANNEL}NAME"])
    columns = f"CSV file with a header of {header} or {FIXED_CHANNEL}NAME; files relative to its folder"
    parser.add_argument("manifest", metavar="MANIFEST.csv", help=f"{columns}; the first three are needed")
    parser.add_argument("output", metavar="CASES.h5", help="file to write")
    parser.add_argument("--label-names", metavar="1=bone,2=lung", default="", help="names of label values")
    parser.add_argument(
        "--learn2reg", action="store_true", help="the first argument is the dataset JSON of a task of Learn2Reg"
    )
    parser.add_argument("--split", metavar="LIST", help="list of pairs in that JSON (default: registration_val)")
    parser.add_argument(FORCE, action="store_true", help="write CASES.h5 whatever it is called, and whatever is there")
    run(parser, _pack)


def _pack(arguments: argparse.Namespace) -> None:
    from pairreg.pair.hdf5 import opened, write_pair, writing

    _check_usage(arguments)
    cases = _of_learn2reg(arguments) if arguments.learn2reg else _of_manifest(arguments)
    read = [path for case in cases for path in case.files]
    output = output_file(arguments.output, [arguments.manifest, *read], (".h5", ".hdf5"), arguments.force)
    if output.exists() and not arguments.force:
        with opened(output):  # which refuses an HDF5 file of something else
            pass
    with writing(output) as file:
        terminal = console(stderr=True)
        for case in track(cases, "packing", console=terminal, disable=not terminal.is_terminal):
            try:
                pair = case.load()
            except InputError as error:
                raise InputError(f"{case.where}{error}") from error
            write_pair(file.create_group(case.name), pair)
    print(f"{output}: {len(cases)} cases")


def _check_usage(arguments: argparse.Namespace) -> None:
    """Raise `InputError` for options of the one kind of input with the other."""
    if arguments.split and not arguments.learn2reg:
        raise InputError("--split is for --learn2reg; leave it out.")
    if arguments.label_names and arguments.learn2reg:
        raise InputError("--label-names is for manifests, a dataset JSON has its own; leave it out.")


def _of_manifest(arguments: argparse.Namespace) -> list[Case]:
    from pairreg.pair.files import load_pair

    names = _label_names(arguments.label_names)
    found = []
    for row in read_manifest(arguments.manifest):
        load = partial(load_pair, name=row.case, label_names=names, **row.arguments)
        found.append(Case(row.case, f"{row.where}, case {row.case!r}: ", row.paths, load))
    return found


def _of_learn2reg(arguments: argparse.Namespace) -> list[Case]:
    from pairreg.pair.learn2reg import SPLIT, load_learn2reg, read_dataset

    split = arguments.split or SPLIT
    return [
        Case(name, "", list(case.files.values()), partial(load_learn2reg, arguments.manifest, split, name))
        for name, case in read_dataset(arguments.manifest, split).cases.items()
    ]


def _label_names(text: str) -> dict[int | str, str]:
    """Return names by label, `{"1": "bone"}` of `1=bone`; raises `InputError` for anything else."""
    entries = [entry.partition("=") for entry in text.split(",") if entry]
    if not all(number.strip().isdecimal() and name.strip() for number, _, name in entries):
        raise InputError(f"--label-names is {text!r}; give numbers and names, such as 1=bone,2=lung.")
    names: dict[int | str, str] = {number.strip(): name.strip() for number, _, name in entries}
    if len(names) < len(entries):
        raise InputError(f"--label-names is {text!r}; give every number once.")
    return names


if __name__ == "__main__":
    main()
