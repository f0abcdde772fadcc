"""The command `pairreg-pack`, which writes the pairs of a manifest into one HDF5 file."""

import argparse
from typing import Any

from rich.progress import track

from pairreg.cli.common import Parser, run
from pairreg.cli.outputs import FORCE, output_file
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.pair.manifest import CHANNEL, COLUMNS, read_manifest


def main() -> None:
    """Run the command `pairreg-pack`."""
    parser = Parser(prog="pairreg-pack", description="Pack many pairs into one HDF5 file for pair=hdf5.")
    columns = f"CSV file with a header of {', '.join(COLUMNS)} or {CHANNEL}NAME; files relative to its folder"
    parser.add_argument("manifest", metavar="MANIFEST.csv", help=f"{columns}; the first three are needed")
    parser.add_argument("output", metavar="CASES.h5", help="file to write")
    parser.add_argument("--label-names", metavar="1=bone,2=lung", default="", help="names of label values")
    parser.add_argument(FORCE, action="store_true", help="write CASES.h5 whatever it is called, and whatever is there")
    run(parser, _pack)


def _pack(arguments: argparse.Namespace) -> None:
    from pairreg.pair.files import load_pair
    from pairreg.pair.hdf5 import opened, write_pair, writing

    names = _label_names(arguments.label_names)
    rows = read_manifest(arguments.manifest)
    read = [path for row in rows for path in (*row.files.values(), *row.channels.values())]
    output = output_file(arguments.output, [arguments.manifest, *read], (".h5", ".hdf5"), arguments.force)
    if output.exists() and not arguments.force:
        with opened(output):  # which refuses an HDF5 file of something else
            pass
    with writing(output) as file:
        terminal = console(stderr=True)
        for row in track(rows, "packing", console=terminal, disable=not terminal.is_terminal):
            files: dict[str, Any] = {**row.files}  # by argument
            try:
                pair = load_pair(name=row.case, channels=row.channels, label_names=names, **files)
            except InputError as error:
                raise InputError(f"{row.where}, case {row.case!r}: {error}") from error
            write_pair(file.create_group(row.case), pair)
    print(f"{output}: {len(rows)} cases")


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
