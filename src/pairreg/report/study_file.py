"""The file of the ablation, the sweep, the figure or the benchmark that a study was made by."""

from collections.abc import Sequence

from pairreg import option_files
from pairreg.reference.options import Option
from pairreg.runs.read import Run
from pairreg.runs.spec import STUDY_FILES


def study_file(runs: Sequence[Run]) -> Option | None:
    """Return the study file of the newest run; None if it was made by none of ours."""
    newest = max(runs, key=lambda run: run.finished_at)
    for group in STUDY_FILES:
        name = newest.choices.get(group, "None")
        if name in option_files.variants(group):
            return Option(group, name, option_files.experiments_folder() / group / f"{name}.yaml")
    return None
