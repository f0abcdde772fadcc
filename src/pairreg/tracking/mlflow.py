"""MLflow as the index of runs: experiment = study, one run per run folder."""

import logging
import math
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from pairreg.errors import InputError
from pairreg.schedule.base import Level
from pairreg.tracking.base import RunInfo, TrackedRun, Tracker

BATCH = 1000  # metrics per request, MLflow's limit; 0.16 ms each instead of 8.5 ms one by one
PARAMS = 100  # likewise for parameters
ENV = "MLFLOW_TRACKING_URI"


@dataclass
class MLflowTracker(Tracker):
    """**Arguments:** `uri`: of the tracking store; None = `$MLFLOW_TRACKING_URI`, else SQLite in the output folder.

    Artifacts of a local store lie in `mlartifacts` beside it.
    """

    uri: str | None = None
    _client: Any = field(default=None, init=False, repr=False)
    _parents: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def start(self, info: RunInfo) -> TrackedRun:
        from mlflow.exceptions import MlflowException

        try:
            client = self._connect(info.output_dir)
            experiment = self._experiment(info)
            tags = run_tags(info)
            if info.part_of_study:
                tags["mlflow.parentRunId"] = self._parent(info, experiment)
            run = client.create_run(experiment, tags=tags, run_name=info.name)
        except MlflowException as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"MLflow at {self.uri} cannot be used ({reason}); start it, or unset {ENV}, or use tracking=none."
            ) from error
        return MLflowRun(client, run.info.run_id, info)

    def close(self) -> None:
        for run_id in self._parents.values():
            self._client.set_terminated(run_id)
        self._parents.clear()

    def hint(self) -> str | None:
        if self.uri and self.uri.startswith("http"):
            return f"MLflow: {self.uri}"
        command = shutil.which("mlflow") or Path(sys.executable).parent / "mlflow"  # the environment may not be active
        return f"MLflow: {command} ui --backend-store-uri {self.uri}"

    def _connect(self, output_dir: Path) -> Any:
        if self._client is None:
            quiet()
            from mlflow import MlflowClient

            self.uri = self.uri or os.environ.get(ENV) or f"sqlite:///{output_dir.resolve() / 'mlflow.db'}"
            self._client = MlflowClient(self.uri)
        return self._client

    def _experiment(self, info: RunInfo) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(info.study)
        if found is not None and found.lifecycle_stage == "deleted":
            raise InputError(
                f"study {info.study!r} was deleted in MLflow: restore it there or choose another study=NAME."
            )
        if found is None:
            # the kind makes MLflow's pages show metrics and curves instead of language models
            tags = {"pairreg.study": info.study, "mlflow.experimentKind": "custom_model_development"}
            try:
                self._client.create_experiment(info.study, self._artifact_location(info), tags=tags)
            except MlflowException:  # another process was faster
                pass
            found = self._client.get_experiment_by_name(info.study)
        return str(found.experiment_id)

    def _artifact_location(self, info: RunInfo) -> str | None:
        if self.uri and self.uri.startswith("sqlite"):
            return (info.output_dir.resolve() / "mlartifacts" / info.study).as_uri()
        return None  # a server decides itself

    def _parent(self, info: RunInfo, experiment: str) -> str:
        """The parent run of the study: found by its tags, made if there is none."""
        if info.study not in self._parents:
            query = f"tags.`pairreg.study` = '{info.study}' and tags.`pairreg.role` = 'parent'"
            found = self._client.search_runs([experiment], query, max_results=1)
            if found:
                run_id = found[0].info.run_id
                self._client.update_run(run_id, status="RUNNING")
            else:
                tags = {"pairreg.study": info.study, "pairreg.role": "parent"} | dict(info.tags)
                run_id = self._client.create_run(experiment, tags=tags, run_name=info.study).info.run_id
            self._parents[info.study] = run_id
        return self._parents[info.study]


class MLflowRun(TrackedRun):
    """One MLflow run. Curves are sent in batches."""

    def __init__(self, client: Any, run_id: str, info: RunInfo):
        self.client, self.run_id, self.info = client, run_id, info
        self.pending: list[Any] = []

    def __enter__(self) -> Self:
        from mlflow.entities import Param

        # choices win: `similarity` is a name here, its settings follow under `similarity.ncc.window`
        values = {**self.info.params, **self.info.choices}
        params = [Param(k, v[:6000]) for k, v in values.items() if not k.endswith("_target_")]
        for first in range(0, len(params), PARAMS):
            self.client.log_batch(self.run_id, params=params[first : first + PARAMS])
        return self

    def begin(self, names: list[str], levels: list[Level]) -> None:
        self.names = names

    def rows(self, start: int, rows: np.ndarray) -> None:
        for step, row in enumerate(rows, start=start + 1):
            self._add({k: v for k, v in zip(self.names, row, strict=True)}, step)
        if len(self.pending) >= BATCH:
            self._send()

    def end(self) -> None:
        self._send()

    def finish(self, metrics: Mapping[str, float]) -> None:
        self._add(metrics, step=0)
        self._send()
        self.client.log_artifacts(self.run_id, str(self.info.folder))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        status = "FINISHED" if kind is None else "KILLED" if issubclass(kind, KeyboardInterrupt) else "FAILED"
        self.client.set_terminated(self.run_id, status=status)

    def _add(self, values: Mapping[str, float], step: int) -> None:

        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        # MLflow stores infinity as a huge number and rejects NaN in some stores: the files keep such values
        self.pending += [Metric(k, float(v), now, step) for k, v in values.items() if math.isfinite(v)]

    def _send(self) -> None:
        for first in range(0, len(self.pending), BATCH):
            self.client.log_batch(self.run_id, metrics=self.pending[first : first + BATCH])
        self.pending = []


def run_tags(info: RunInfo) -> dict[str, str]:
    tags = {"pairreg.study": info.study, "pairreg.signature": info.signature, "pairreg.folder": str(info.folder)}
    if "git_commit" in info.tags:  # a console script gets no git tag from MLflow itself
        tags |= {"mlflow.source.git.commit": info.tags["git_commit"], "mlflow.source.git.dirty": info.tags["git_dirty"]}
    return tags | {f"pairreg.{key}": value for key, value in info.tags.items()}


def quiet() -> None:
    """No telemetry, no migration log of a new database, and an answer within seconds if a server is down."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
