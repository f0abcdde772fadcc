"""The command `pairreg-view`, which shows a run in the browser, slice by slice."""

import argparse
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from pairreg.cli.common import Parser, run
from pairreg.cli.outputs import FORCE, output_file
from pairreg.files import expanded, target

if TYPE_CHECKING:
    from pairreg.runs.read import Run


def main() -> None:
    """Run the command `pairreg-view`."""
    parser = Parser(
        prog="pairreg-view",
        description="Show a finished run in the browser, slice by slice in three planes: images, differences, labels, "
        "landmarks and deformed grid in one HTML file that needs no server.",
    )
    parser.add_argument("run", metavar="RUN_FOLDER", type=Path)
    parser.add_argument("-o", metavar="OUT.html", dest="output", help="default: RUN_FOLDER/figures/view.html")
    parser.add_argument("--no-open", action="store_true", help="only write the file")
    parser.add_argument(FORCE, action="store_true", help="replace OUT.html even if it is a file of a run")
    run(parser, _view)


def _view(arguments: argparse.Namespace) -> None:
    from pairreg.runs.folder import VIEW
    from pairreg.runs.read import Run

    folder = expanded(arguments.run)
    given = arguments.output
    named = None if given is None else output_file(given, [folder], (".html",), arguments.force)
    shown = Run.complete(folder)
    path = target(shown.folder / VIEW) if named is None else named

    from pairreg.viewer.page import write_page
    from pairreg.viewer.scene import Scene

    write_page(Scene.of(shown), _heading(shown), path)
    print(f"view: {path}")
    if not arguments.no_open and not webbrowser.open(path.absolute().as_uri()):
        print("no browser was found: open the file in one")


def _heading(one: "Run") -> str:
    """Return the name of a run, and the options that say how it was registered."""
    options = [one.choices[group] for group in ("transform", "similarity", "regularizer") if group in one.choices]
    return " · ".join([one.signature, *options])


if __name__ == "__main__":
    main()
