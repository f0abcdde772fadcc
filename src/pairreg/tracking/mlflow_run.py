"""A run in MLflow, whose curves are sent in batches."""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, final
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np

from pairreg.files import link
from pairreg.runs.folder import beside
from pairreg.runs.identity import flat
from pairreg.runs.spec import Described, name_of
from pairreg.schedule.base import Level
from pairreg.tracking.base import Status, TrackedRun
from pairreg.tracking.mlflow_errors import is_rejection, lost_errors, said
from pairreg.tracking.mlflow_names import cleaned

_BATCH = 1000  # metrics per request, MLflow's limit; 0.16 ms each instead of 8.5 ms one by one
_SECONDS = 2.0  # that curves lag behind at most; a request takes some ms
_PARAMS = 100  # likewise for parameters
log = logging.getLogger("pairreg")


@final
class MLflowRun(TrackedRun):
    """One run in MLflow.

    If the server is lost, the run goes on without it; the tracker adds it from its folder later.
    """

    def __init__(self, client: Any, run_id: str, artifacts: str, run: Described, address: str):
        self.client, self.run_id, self.artifacts, self.run, self.address = client, run_id, artifacts, run, address
        self.pending: list[Any] = []
        self.lost = False
        self.sent = time.monotonic()

    def describe(self) -> None:
        """Send the choices and the flat config as parameters."""
        from mlflow.entities import Param

        # choices win: `similarity` is a name here, its settings follow under `similarity.ncc.window`
        values = {**flat(self.run.config), **self.run.choices}
        names = cleaned(key for key in values if not key.endswith("_target_"))
        params = [Param(name, values[key][:6000]) for key, name in names.items()]
        for first in range(0, len(params), _PARAMS):
            self._try(partial(self.client.log_batch, self.run_id, params=params[first : first + _PARAMS]))

    def begin(self, names: list[str], levels: list[Level]) -> None:
        self.names = names

    def rows(self, start: int, rows: np.ndarray) -> None:
        for step, row in enumerate(rows, start=start + 1):
            self._add({k: v for k, v in zip(self.names, row, strict=True)}, step)
        if len(self.pending) >= _BATCH or time.monotonic() > self.sent + _SECONDS:
            self._try(self._send)

    def finish(self, metrics: Mapping[str, float]) -> None:
        self._add(metrics, step=0)
        self._try(self._send)

    def close(self, status: Status) -> None:
        if self.pending:
            self._try(self._send)
        # a repetition that failed has left its files beside those of the earlier result
        again = beside(self.run.folder)
        folder = self.run.folder if status == "FINISHED" or not again.exists() else again
        # The files of a complete run never change, so a link holds them as a copy would; those of others may.
        if status == "FINISHED" and self.artifacts.startswith("file:"):
            self._try(lambda: link(folder, Path(url2pathname(urlsplit(self.artifacts).path))))
        else:
            self._try(lambda: self.client.log_artifacts(self.run_id, str(folder)))
        self._try(lambda: self.client.set_terminated(self.run_id, status=status))

    def _add(self, values: Mapping[str, float], step: int) -> None:
        self.pending += _metrics(finite(values), step)

    def _send(self) -> None:
        pending, self.pending = self.pending, []
        self.sent = time.monotonic()
        _send(self.client, self.run_id, pending)

    def _try(self, call: Callable[[], None]) -> None:
        if self.lost:
            return
        try:
            call()
        except lost_errors() as error:
            self.lost = not is_rejection(error)
            then = "goes on and is added to it afterwards" if self.lost else "goes on, and its folder has everything"
            log.warning(f"{said(error, self.address)}; {name_of(self.run)} {then}")


def finite(values: Mapping[str, float]) -> dict[str, float]:
    """Return the values that every store keeps as they are, by names that MLflow takes.

    It stores infinity as a huge number and rejects NaN in some stores: the files keep such values.
    """
    names = cleaned(values)
    return {names[name]: float(value) for name, value in values.items() if math.isfinite(value)}


def send_metrics(client: Any, run_id: str, values: Mapping[str, float]) -> None:
    """Set metrics of a run, by names that MLflow takes; earlier values of these become their history."""
    _send(client, run_id, _metrics(values, step=0))


def _metrics(values: Mapping[str, float], step: int) -> list[Any]:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, value, now, step) for name, value in values.items()]


def _send(client: Any, run_id: str, metrics: Sequence[Any]) -> None:
    for first in range(0, len(metrics), _BATCH):
        client.log_batch(run_id, metrics=metrics[first : first + _BATCH])
