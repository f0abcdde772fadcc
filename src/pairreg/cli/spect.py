"""The command `pairreg-spect`, which simulates the SPECT scan that a run of a phantom would give."""

import argparse
from pathlib import Path

from pairreg.cli.common import Parser, run
from pairreg.cli.outputs import FORCE, new_files
from pairreg.files import expanded, folder_to_be


def main() -> None:
    """Run the command `pairreg-spect`."""
    parser = Parser(
        prog="pairreg-spect",
        description="Simulate SPECT scans, without and with lesions in bone, of a phantom that a run has deformed.",
    )
    parser.add_argument("run", metavar="RUN_FOLDER", type=Path)
    parser.add_argument("-o", metavar="FOLDER", dest="output", type=Path, help="default: RUN_FOLDER/spect")
    parser.add_argument("--lesions", type=int, default=3, help="how many (3)")
    parser.add_argument("--counts", type=float, default=6e6, help="detected in the whole scan (6e6)")
    parser.add_argument("--seed", type=int, default=0, help="of lesions and noise (0)")
    parser.add_argument(FORCE, action="store_true", help="replace files of the same names in the folder of -o")
    run(parser, _simulate)


def _simulate(arguments: argparse.Namespace) -> None:
    from pairreg.spect.scan import FILES, scan, scan_folder

    run_folder = expanded(arguments.run)
    folder = folder_to_be(arguments.output or scan_folder(run_folder), written=True)
    if arguments.output and not arguments.force:
        new_files(folder, FILES)
    result = scan(run_folder, lesions=arguments.lesions, counts=arguments.counts, seed=arguments.seed)
    result.save(folder)
    for i, (volume, contrast) in enumerate(zip(result.volumes, result.drawn.contrasts, strict=True), start=1):
        print(f"lesion {i}: {volume:.2f} cc, {contrast:.1f} times the uptake of bone")
    print(f"results: {folder}")


if __name__ == "__main__":
    main()
