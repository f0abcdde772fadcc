"""MLflow as the index of runs: experiment = study, one run per run folder."""

import errno
import hashlib
import logging
import math
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from pairreg.errors import InputError
from pairreg.files import last_written
from pairreg.locks import lock
from pairreg.private_folder import lock_folder
from pairreg.runs.folder import error_file, is_over, state
from pairreg.runs.outcome import Where
from pairreg.runs.read import Run
from pairreg.runs.spec import Described, name_of
from pairreg.tracking.base import TrackedRun, Tracker
from pairreg.tracking.from_folder import record
from pairreg.tracking.mlflow_address import ENV, SCHEMES, beside, secrets, shown, unknown_scheme
from pairreg.tracking.mlflow_client import check_answers, connect, prepare_mlflow
from pairreg.tracking.mlflow_database import is_database_file, make_database, statuses
from pairreg.tracking.mlflow_errors import is_full, lost_errors, opening_errors, reason, said
from pairreg.tracking.mlflow_moved import follow
from pairreg.tracking.mlflow_run import MLflowRun, finite, send_metrics
from pairreg.tracking.mlflow_tags import run_tags, source
from pairreg.tracking.none import NoTracker

_PAGE = 1000  # runs per answer of a search
_NAME = 250  # characters of the name of a run
log = logging.getLogger("pairreg")


@final
@dataclass
class MLflowTracker(Tracker):
    """MLflow as the index of runs. A server that is lost on the way does not stop a run.

    **Arguments:** `uri`: of the tracking store; None = `$MLFLOW_TRACKING_URI`, else SQLite in the output folder.
    Artifacts of a local store lie in `mlartifacts` beside it.
    """

    uri: str | None = None
    _beside: str = field(default="", init=False, repr=False)
    _experiment: str = field(default="", init=False, repr=False)
    _parent: str = field(default="", init=False, repr=False)
    _lost: bool = field(default=False, init=False, repr=False)
    _client: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if secrets(self.uri or ""):
            raise InputError(f"tracking.uri has a password, which would be kept with every run; set {ENV} instead.")

    @property
    def address(self) -> str:
        """Never kept if it comes from the environment: it may hold a password."""
        return self.uri or os.environ.get(ENV) or self._beside

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_client": None}

    @property
    def client(self) -> Any:
        """The client of the store, made when a process first uses it, as importing MLflow takes seconds."""
        if self._client is None:
            self._client = connect(self.address)
        return self._client

    def open(self, study: str, output_dir: Path, tags: Mapping[str, str]) -> None:
        if not self.address:
            self._beside = beside(output_dir)
        if scheme := unknown_scheme(self.address):
            raise self._unusable(f"it has no store for {scheme}://, but for {', '.join(SCHEMES)}")
        try:
            # two processes that make the same database at once break it
            with lock(_lock_of(self.address), wait=True):
                prepare_mlflow(self.address)
                check_answers(self.address)
                make_database(self.address, own=self.address == self._beside)
                self._experiment = self._find_experiment(study, output_dir)
                self._parent = self._find_parent(study, tags)
                self._mark_killed_runs(output_dir.resolve() / study)
        except InputError:
            raise
        except opening_errors() as error:
            if is_full(error):
                raise OSError(errno.ENOSPC, "no space left on device", self.address) from error
            raise self._unusable(reason(error, self.address)) from None

    def _unusable(self, why: str) -> InputError:
        advice = f"start it, or unset {ENV}, or use tracking=none"
        return InputError(f"MLflow at {shown(self.address, self.address)} cannot be used ({why}); {advice}.")

    def for_runs(self, where: Where) -> Tracker:
        # a database file on a shared disk breaks when several machines write: `complete` fills the index afterwards
        return NoTracker() if where == "elsewhere" and self.address.startswith("sqlite") else self

    def start(self, run: Described, provenance: Mapping[str, str]) -> TrackedRun:
        if not self._lost:
            try:
                return self._start(run, provenance)
            except lost_errors() as error:
                self._lost = True
                log.warning(
                    f"{said(error, self.address)}; runs go on and are added to it from their folders afterwards"
                )
        return TrackedRun()

    def complete(self, folders: Iterable[Path]) -> None:
        self._lost = False
        try:
            known = self._statuses()
            for folder in folders:
                if not is_over(folder) or state(folder) == "running":  # somebody else is at it
                    continue
                run = Run(folder.resolve())
                status, ended = known.get(run.signature, ("", 0))
                over = run.finished_at if run.is_complete else last_written(error_file(run.folder))
                # A complete run whose repetition has failed or was killed is in the index as that; one that was
                # repeated without the index is there as it ended before. The index cuts off parts of a ms.
                if status != ("FINISHED" if run.is_complete else "FAILED") or ended + 1 <= over * 1000:
                    record(folder, self)
        except lost_errors() as error:
            self._lost = True
            advice = "`pairreg-report STUDY --log-mlflow` adds the missing runs once it is back"
            log.warning(f"{said(error, self.address)}; {advice}")

    def close(self, report: Path | None = None, summary: Mapping[str, float] | None = None) -> None:
        if not self._parent or self._lost:
            return
        try:
            if report is not None:
                self.client.log_artifacts(self._parent, str(report), "report")
            if summary is not None:
                known = self.client.get_run(self._parent).data.metrics
                # MLflow never deletes a metric: one of a setting that is not compared any more is no number
                send_metrics(self.client, self._parent, dict.fromkeys(known, math.nan) | finite(summary))
            self.client.set_terminated(self._parent)
        except lost_errors() as error:
            log.warning(said(error, self.address))

    def hint(self) -> str | None:
        if self.address.startswith("http"):
            return f"MLflow: {shown(self.address, self.address)}"
        command = shutil.which("mlflow") or Path(sys.executable).parent / "mlflow"  # the environment may not be active
        store = f'"${ENV}"' if secrets(self.address) else shlex.quote(self.address)
        return f"MLflow: {shlex.quote(str(command))} ui --backend-store-uri {store}"

    def _start(self, run: Described, provenance: Mapping[str, str]) -> TrackedRun:
        for earlier in self._runs(f"tags.`pairreg.signature` = '{run.folder.name}'"):
            self.client.delete_run(earlier.info.run_id)  # can be restored; its folder is about to be replaced
        tags = run_tags(run, provenance) | {"mlflow.parentRunId": self._parent}
        name = name_of(run) or run.folder.name  # Python need not save what was chosen
        created = self.client.create_run(self._experiment, tags=tags, run_name=name[:_NAME])
        tracked = MLflowRun(self.client, created.info.run_id, created.info.artifact_uri, run, self.address)
        tracked.describe()
        return tracked

    def _find_experiment(self, study: str, output_dir: Path) -> str:
        """Return the id of the study's experiment, which is made if there is none."""
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(study)
        if found is not None and found.lifecycle_stage == "deleted":
            raise InputError(f"study {study!r} was deleted in MLflow: restore it there or choose another study=NAME.")
        own = (output_dir.resolve() / "mlartifacts" / study).as_uri()
        if found is not None and self.address == self._beside and found.artifact_location != own:
            follow(output_dir / "mlflow.db", found.artifact_location, own)
        if found is None:
            # the kind makes MLflow's pages show metrics and curves instead of language models
            tags = {"pairreg.study": study, "mlflow.experimentKind": "custom_model_development"}
            artifacts = own if self.address.startswith("sqlite") else None  # a server decides itself
            try:
                return str(self.client.create_experiment(study, artifacts, tags=tags))
            except MlflowException:
                found = self.client.get_experiment_by_name(study)  # another process was faster
                if found is None:
                    raise
        return str(found.experiment_id)

    def _find_parent(self, study: str, tags: Mapping[str, str]) -> str:
        """Return the id of the study's parent run: found by its tags, made if there is none."""
        found = self._runs("tags.`pairreg.role` = 'parent'")
        if not found:
            own = {"pairreg.study": study, "pairreg.role": "parent"} | source(tags)
            return str(self.client.create_run(self._experiment, tags=own, run_name=study).info.run_id)
        self.client.update_run(found[0].info.run_id, status="RUNNING")
        return str(found[0].info.run_id)

    def _mark_killed_runs(self, study_folder: Path) -> None:
        """Mark runs as killed that are RUNNING here, but whose folder nobody holds the lock of."""
        for run in self._runs("attributes.status = 'RUNNING'"):
            folder = Path(run.data.tags.get("pairreg.folder", ""))
            here = study_folder / run.data.tags.get("pairreg.signature", "")
            moved = self.address == self._beside and bool(folder.name)  # its database moves with the folder
            if (moved or folder.parent == study_folder) and state(here) != "running":
                self.client.set_terminated(run.info.run_id, status="KILLED")

    def _statuses(self) -> dict[str, tuple[str, int]]:
        """Return what MLflow says became of each run of the study, by signature; see `statuses`."""
        if is_database_file(self.address):
            return statuses(self.address, self._experiment)
        runs = self._runs("tags.`pairreg.signature` LIKE '%'")
        return {run.data.tags["pairreg.signature"]: (run.info.status, run.info.end_time or 0) for run in runs}

    def _runs(self, query: str) -> list[Any]:
        """Return all runs of the study that match a query."""
        runs: list[Any] = []
        token = None
        while True:
            page = self.client.search_runs([self._experiment], query, max_results=_PAGE, page_token=token)
            runs += page
            token = page.token
            if not token:
                return runs


def _lock_of(uri: str) -> Path:
    """Return a lock file for a store, outside of the output folder: nothing may be left there if the store is away."""
    return lock_folder() / hashlib.sha1(uri.encode()).hexdigest()[:8]
