"""The command `pairreg-export`, which writes the displacements of a study as the Learn2Reg challenge takes them."""

import argparse
from pathlib import Path

from pairreg.cli.common import Parser, run
from pairreg.cli.outputs import FORCE

_ZIP = ".zip"


def main() -> None:
    """Run the command `pairreg-export`."""
    parser = Parser(
        prog="pairreg-export",
        description="Write the displacements of a study on Learn2Reg's pairs as its evaluator takes them: "
        "disp_FFFF_MMMM.nii.gz, float32, in voxels.",
    )
    parser.add_argument("runs", metavar="STUDY", nargs="+", help="name or folder of a study, or folders of runs")
    parser.add_argument("--learn2reg", metavar="OUT", required=True, help="folder, or with --zip file, to write")
    parser.add_argument("--zip", action="store_true", help=f"write one file, OUT, whose name ends in {_ZIP}")
    parser.add_argument("--output-dir", type=Path, default=Path("runs"), help="folder of the studies (default: runs)")
    parser.add_argument(FORCE, action="store_true", help="replace files that are there")
    run(parser, _export)


def _export(arguments: argparse.Namespace) -> None:
    from pairreg.cli.outputs import new_files, output_file
    from pairreg.cli.submission import file_name, missing_cases, runs_by_case, runs_of, write_files, write_zip
    from pairreg.files import folder_to_be

    runs = runs_by_case(runs_of(arguments.runs, arguments.output_dir))
    if arguments.zip:
        output = output_file(arguments.learn2reg, [], (_ZIP,), arguments.force)
        if not arguments.force:
            new_files(output.parent, [output.name])
        write_zip(runs, output)
    else:
        output = folder_to_be(arguments.learn2reg, written=True)
        if not arguments.force:
            new_files(output, map(file_name, runs))
        output.mkdir(parents=True, exist_ok=True)
        write_files(runs, output)
    missing = missing_cases(runs)
    also = f"; its evaluator also asks for {', '.join(map(file_name, missing))}, which no run gives" if missing else ""
    print(f"{output}: {len(runs)} displacements{also}")


if __name__ == "__main__":
    main()
