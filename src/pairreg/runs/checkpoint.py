"""The checkpoint of a run that is not complete, in its folder."""

import hashlib
import io
import json
import logging
from pathlib import Path
from typing import Any, final

import numpy as np

from pairreg.files import replacing
from pairreg.optimization.checkpoint import Checkpoint, Checkpoints
from pairreg.optimizer.base import Paused
from pairreg.runs.content import code_digest
from pairreg.runs.folder import CHECKPOINT

_DIGEST = 16  # bytes
log = logging.getLogger("pairreg")


@final
class RunCheckpoints(Checkpoints):
    """Keeps the latest checkpoint in a run folder: a digest and arrays of NumPy, in a file that is replaced by rename.

    One that is damaged, or that another version of the code has left, is not used: the run begins anew. One that cannot
    be written is a warning: only a run that is killed would miss it.
    """

    def __init__(self, folder: Path, pause_after: int | None = None):
        self.path = folder / CHECKPOINT
        self.pause_after = pause_after
        self._warned = False

    def load(self) -> Checkpoint | None:
        if not self.path.exists():
            return None
        content = self.path.read_bytes()
        if content[:_DIGEST] != _digest(memoryview(content)[_DIGEST:]):
            log.warning(f"{self.path} is damaged; the run begins anew.")
            return None
        with np.load(io.BytesIO(memoryview(content)[_DIGEST:]), allow_pickle=False) as file:
            facts = json.loads(str(file["facts"]))
            if facts["code"] != _code():
                log.warning(f"{self.path} is of another version of the code; the run begins anew.")
                return None
            if self.pause_after is not None and facts["level"] > self.pause_after:
                log.warning(f"{self.path} is of a level beyond {self.pause_after}; the run begins anew.")
                return None
            found = _unpacked(facts, file)
        log.info(f"goes on after iteration {len(found.rows)} (level {found.level}), from {self.path}")
        return found

    def save(self, checkpoint: Checkpoint) -> None:
        content = io.BytesIO()
        np.savez(content, **_packed(checkpoint))
        try:
            with replacing(self.path) as part, part.open("wb") as file:
                file.write(_digest(content.getbuffer()))
                file.write(content.getbuffer())
        except OSError as error:
            if not self._warned:
                log.warning(f"{self.path} cannot be written ({error.strerror}); the run goes on without checkpoints.")
            self._warned = True


def _digest(content: memoryview) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST).digest()


def _packed(one: Checkpoint) -> dict[str, Any]:
    facts: dict[str, Any] = {"code": _code(), "level": one.level, "seconds": one.seconds}
    arrays = {f"parameters/{i}": value for i, value in enumerate(one.parameters)}
    if one.paused is not None:
        facts["iterations"] = one.paused.iterations
        arrays |= {f"optimizer/{i}": value for i, value in enumerate(one.paused.arrays)}
    return {"facts": np.array(json.dumps(facts)), "rows": one.rows, **arrays}


def _unpacked(facts: dict[str, Any], file: Any) -> Checkpoint:
    def arrays(kind: str) -> list[np.ndarray]:
        return [file[f"{kind}/{i}"] for i in range(sum(name.startswith(f"{kind}/") for name in file.files))]

    paused = Paused(facts["iterations"], arrays("optimizer")) if "iterations" in facts else None
    return Checkpoint(facts["level"], arrays("parameters"), paused, file["rows"], facts["seconds"])


def _code() -> str:
    """Return a digest of this package and of the versions of what it computes with."""
    return code_digest("tensorflow", "keras", "numpy", "scipy")
