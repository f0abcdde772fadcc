"""MLflow as the index of runs: experiment = study, one run per run folder."""

import hashlib
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from pairreg.errors import InputError
from pairreg.locks import lock
from pairreg.runs.folder import is_over, state
from pairreg.runs.outcome import Where
from pairreg.runs.spec import Described, name_of
from pairreg.tracking.base import TrackedRun, Tracker
from pairreg.tracking.from_folder import record
from pairreg.tracking.mlflow_run import MLflowRun, lost_errors
from pairreg.tracking.none import NoTracker

_ENV = "MLFLOW_TRACKING_URI"
_PAGE = 1000  # runs per answer of a search
log = logging.getLogger("pairreg")


@final
@dataclass
class MLflowTracker(Tracker):
    """MLflow as the index of runs. A server that is lost on the way does not stop a run.

    **Arguments:** `uri`: of the tracking store; None = `$MLFLOW_TRACKING_URI`, else SQLite in the output folder.
    Artifacts of a local store lie in `mlartifacts` beside it.
    """

    uri: str | None = None
    _experiment: str = field(default="", init=False, repr=False)
    _parent: str = field(default="", init=False, repr=False)
    _lost: bool = field(default=False, init=False, repr=False)
    _client: Any = field(default=None, init=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_client": None}

    @property
    def client(self) -> Any:
        """The client of the store, made when a process first uses it, as importing MLflow takes seconds."""
        if self._client is None:
            _quiet()
            from mlflow import MlflowClient

            self._client = MlflowClient(self.uri)
        return self._client

    def open(self, study: str, output_dir: Path, tags: Mapping[str, str]) -> None:
        self.uri = self.uri or os.environ.get(_ENV) or f"sqlite:///{output_dir.resolve() / 'mlflow.db'}"
        try:
            # two processes that make the same database at once break it
            with lock(_lock_of(self.uri), wait=True):
                self._experiment = self._find_experiment(study, output_dir)
                self._parent = self._find_parent(study, tags)
                self._mark_killed_runs(output_dir.resolve() / study)
        except lost_errors() as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"MLflow at {self.uri} cannot be used ({reason}); start it, or unset {_ENV}, or use tracking=none."
            ) from error

    def for_runs(self, where: Where) -> Tracker:
        # a database file on a shared disk breaks when several machines write: `complete` fills the index afterwards
        return NoTracker() if where == "elsewhere" and self.uri and self.uri.startswith("sqlite") else self

    def start(self, run: Described, provenance: Mapping[str, str]) -> TrackedRun:
        if not self._lost:
            try:
                return self._start(run, provenance)
            except lost_errors() as error:
                self._lost = True
                log.warning(f"{_lost(self.uri, error)}; runs go on and are added to it from their folders afterwards")
        return TrackedRun()

    def complete(self, folders: Iterable[Path]) -> None:
        self._lost = False
        try:
            known = {run.data.tags["pairreg.folder"]: run.info.status for run in self._runs()}
            for folder in folders:
                if not is_over(folder) or state(folder) == "running":  # somebody else is at it
                    continue
                if known.get(str(folder.resolve()), "RUNNING") in ("RUNNING", "KILLED"):
                    record(folder, self)
        except lost_errors() as error:
            self._lost = True
            advice = "`pairreg-report STUDY --log-mlflow` adds the missing runs once it is back"
            log.warning(f"{_lost(self.uri, error)}; {advice}")

    def close(self, report: Path | None = None) -> None:
        if not self._parent or self._lost:
            return
        try:
            if report is not None:
                self.client.log_artifacts(self._parent, str(report), "report")
            self.client.set_terminated(self._parent)
        except lost_errors() as error:
            log.warning(_lost(self.uri, error))

    def hint(self) -> str | None:
        if self.uri and self.uri.startswith("http"):
            return f"MLflow: {self.uri}"
        command = shutil.which("mlflow") or Path(sys.executable).parent / "mlflow"  # the environment may not be active
        return f"MLflow: {command} ui --backend-store-uri {self.uri}"

    def _start(self, run: Described, provenance: Mapping[str, str]) -> TrackedRun:
        for earlier in self._runs(f"tags.`pairreg.folder` = '{run.folder.resolve()}'"):
            self.client.delete_run(earlier.info.run_id)  # can be restored; its folder is about to be replaced
        tags = _run_tags(run, provenance) | {"mlflow.parentRunId": self._parent}
        created = self.client.create_run(self._experiment, tags=tags, run_name=name_of(run))
        tracked = MLflowRun(self.client, created.info.run_id, run)
        tracked.describe()
        return tracked

    def _find_experiment(self, study: str, output_dir: Path) -> str:
        """Return the id of the study's experiment, which is made if there is none."""
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(study)
        if found is not None and found.lifecycle_stage == "deleted":
            raise InputError(f"study {study!r} was deleted in MLflow: restore it there or choose another study=NAME.")
        if found is None:
            # the kind makes MLflow's pages show metrics and curves instead of language models
            tags = {"pairreg.study": study, "mlflow.experimentKind": "custom_model_development"}
            local = self.uri is not None and self.uri.startswith("sqlite")  # a server decides itself
            artifacts = (output_dir.resolve() / "mlartifacts" / study).as_uri() if local else None
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
            own = {"pairreg.study": study, "pairreg.role": "parent"} | _source(tags)
            return str(self.client.create_run(self._experiment, tags=own, run_name=study).info.run_id)
        self.client.update_run(found[0].info.run_id, status="RUNNING")
        return str(found[0].info.run_id)

    def _mark_killed_runs(self, study_folder: Path) -> None:
        """Mark runs as killed that are RUNNING here, but whose folder nobody holds the lock of."""
        for run in self._runs("attributes.status = 'RUNNING'"):
            folder = Path(run.data.tags.get("pairreg.folder", ""))
            if folder.parent == study_folder and state(folder) != "running":
                self.client.set_terminated(run.info.run_id, status="KILLED")

    def _runs(self, query: str = "tags.`pairreg.signature` LIKE '%'") -> list[Any]:
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
    return Path(tempfile.gettempdir()) / f"pairreg-{os.getuid()}" / hashlib.sha1(uri.encode()).hexdigest()[:8]


def _lost(uri: str | None, error: Exception) -> str:
    return f"MLflow at {uri} does not answer ({str(error).splitlines()[0]})"


def _run_tags(run: Described, provenance: Mapping[str, str]) -> dict[str, str]:
    """Return the tags by which a run is found again, and where it comes from."""
    folder = run.folder.resolve()
    own = {"pairreg.study": run.config["study"], "pairreg.signature": folder.name, "pairreg.folder": str(folder)}
    return own | _source(provenance)


def _source(tags: Mapping[str, str]) -> dict[str, str]:
    """Return facts as tags, those about the commit also under MLflow's own names."""
    own = {f"pairreg.{key}": value for key, value in tags.items()}
    if "git_commit" in tags:  # a console script gets no git tag from MLflow itself
        own |= {"mlflow.source.git.commit": tags["git_commit"], "mlflow.source.git.dirty": tags["git_dirty"]}
    return own


def _quiet() -> None:
    """Switch off telemetry and the log of migrations, and have a server that is down answer in seconds."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
