"""What `pairreg --help` prints, without Hydra, which takes longer to list the groups than everything here."""

from pairreg.cli.option_list import LEGEND, print_options, print_rows
from pairreg.console import console
from pairreg.files import expanded
from pairreg.reference.options import groups, top_level

_BEGIN = """\
pairreg registers a moving image to a fixed one, and compares ways to do it.

  pairreg                                                         the bundled chest CT pair
  pairreg pair=files pair.fixed=fixed.nii.gz pair.moving=moving.nii.gz
  pairreg similarity=mse,ncc,[pcc,ssim] regularizer=diffusion,bending_energy -m

Groups and their options, chosen as GROUP=OPTION; `pairreg-options GROUP` prints their settings (GROUP.KEY=VALUE).
"""
_OPTIONS = {
    "-m": "Every combination of values with commas between them: a study",
    "--cfg job": "Print every setting of a run, and do nothing",
    "--config-dir FOLDER": "Also take options, presets and studies of your own from there",
    "--from RUN_FOLDER": "Begin at the settings of an earlier run",
    "--version": "Print the version of pairreg, and do nothing",
    "-sc install=bash": 'What switches on tab completion, as eval "$(pairreg -sc install=bash)"',
}


def print_help(config_dir: str | None) -> None:
    """Print how to call `pairreg`: commands to copy, and all options with those of the user's `config_dir`."""
    terminal = console()
    found = groups(None if config_dir is None else expanded(config_dir))
    terminal.print(f"{_BEGIN.strip()} {LEGEND}.\n", soft_wrap=True, highlight=False)
    print_options(terminal, found)
    terminal.print("Settings beside the groups (KEY=VALUE):", soft_wrap=True, highlight=False)
    print_rows(terminal, [("", value.key, f"{value.text}: {value.comment}") for value in top_level()])
    terminal.print("\nOptions of the command line:", soft_wrap=True, highlight=False)
    print_rows(terminal, [("", name, meaning) for name, meaning in _OPTIONS.items()])
