"""The index of a study, made again from its run folders."""

from collections.abc import Mapping
from pathlib import Path

from pairreg.runs.folder import run_folders
from pairreg.runs.provenance import code
from pairreg.tracking.mlflow import MLflowTracker


def log_to_mlflow(study_folder: Path, report: Path | None = None, summary: Mapping[str, float] | None = None) -> str:
    """Add the runs that MLflow lacks, and report and summary to the study's own run; return how to look at it.

    The store is the one that runs use: `$MLFLOW_TRACKING_URI`, else SQLite beside the study. Raises `InputError` if it
    cannot be reached.
    """
    tracker, study_folder = MLflowTracker(), study_folder.resolve()
    tracker.open(study_folder.name, study_folder.parent, code())
    tracker.complete(run_folders(study_folder))
    tracker.close(report, summary)
    return tracker.hint() or ""
