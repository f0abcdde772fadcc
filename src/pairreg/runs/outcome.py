"""What became of a task."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pairreg.runs.spec import RunSpec

State = Literal["done", "kept", "failed", "refused", "busy"]


@dataclass(frozen=True)
class RunOutcome:
    """`done` now, `kept` from before, `failed`, `refused` for bad input, or `busy`: another process is at it."""

    signature: str
    folder: Path
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    state: State = "done"

    @classmethod
    def of(cls, task: RunSpec, state: State, error: str | None = None) -> "RunOutcome":
        metrics = json.loads((task.folder / "metrics.json").read_text()) if state in ("done", "kept") else {}
        return cls(task.signature, task.folder, metrics, error, state)

    @classmethod
    def failed(cls, task: RunSpec, error: str) -> "RunOutcome":
        return cls.of(task, "failed", error)
