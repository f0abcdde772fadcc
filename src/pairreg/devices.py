"""The processors that this process may use, as far as they are known without TensorFlow, which would claim all GPUs."""

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from pairreg.errors import InputError

VISIBLE = "CUDA_VISIBLE_DEVICES"  # the GPUs that CUDA shows to a process, by index or UUID
_ANSWER = 20.0  # seconds; the first question after a start loads the driver
_BFLOAT16 = (8, 0)  # compute capability from which GPUs multiply bfloat16 themselves (Ampere)
_BFLOAT16_CPU = {"avx512_bf16", "amx_bf16", "bf16"}  # as Linux lists abilities
_QUERY = "index,uuid,name,memory.total,driver_version,compute_cap"


@dataclass(frozen=True)
class Gpu:
    """A GPU as its driver describes it.

    **Attributes:** `index`, `uuid`: its names; `model`; `memory_mb`; `driver`: its version; `capability`: what CUDA
    calls compute capability, such as `8.0`.
    """

    index: str
    uuid: str
    model: str
    memory_mb: str
    driver: str
    capability: str

    def __str__(self) -> str:
        return f"{self.model}, {self.memory_mb} MB, driver {self.driver}, compute capability {self.capability}"

    @property
    def has_bfloat16(self) -> bool:
        """Whether it multiplies bfloat16 itself."""
        return self._is_known and tuple(int(part) for part in self.capability.split(".")) >= _BFLOAT16

    @property
    def _is_known(self) -> bool:
        return self.capability.replace(".", "").isdigit()  # else the driver says [N/A]


def cores() -> int:
    """Return how many cores this process may use, which a container or a scheduler can limit."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpu_names() -> list[str]:
    """Return the names of the visible NVIDIA GPUs, for `CUDA_VISIBLE_DEVICES` of another process."""
    visible = _visible()
    return [gpu.index for gpu in driver_gpus()] if visible is None else visible


def gpus() -> list[Gpu]:
    """Return the visible NVIDIA GPUs that the driver knows; of parts of a GPU (MIG), it knows nothing by this way."""
    visible = _visible()
    if visible == []:
        return []
    return [gpu for gpu in driver_gpus() if visible is None or _is_among(gpu, visible)]


def driver_gpus() -> Sequence[Gpu]:
    """Return the NVIDIA GPUs of this machine; none where there is no driver, or it has none to show.

    Raises `InputError` if the driver does not answer.
    """
    program = shutil.which("nvidia-smi")
    return () if program is None else _listed(program)[0]


def driver_complaint() -> str | None:
    """Return what `nvidia-smi` says if it is there and cannot list GPUs, else None."""
    program = shutil.which("nvidia-smi")
    return None if program is None else _listed(program)[1]


def free_on(names: Sequence[str]) -> dict[str, float]:
    """Return the free memory of GPUs in MB, by their names; those that the driver does not tell are left out.

    Raises `InputError` if the driver does not answer.
    """
    program = shutil.which("nvidia-smi")
    told = {} if program is None else {name: _asked(program, "memory.free", f"--id={name}") for name in names}
    known = {name: one.stdout for name, one in told.items() if one.returncode == 0}
    return {name: float(text) for name, text in known.items() if text.strip().isdecimal()}


def native_precision() -> str:
    """Return `mixed_bfloat16` where what computes multiplies bfloat16 itself, else `float32`.

    That is every visible GPU, or, without one, the CPU, whose abilities are known on Linux only.
    """
    if found := gpus():
        return "mixed_bfloat16" if all(gpu.has_bfloat16 for gpu in found) else "float32"
    listed = Path("/proc/cpuinfo")
    known = set(listed.read_text(encoding="ascii", errors="replace").split()) if listed.exists() else set()
    return "mixed_bfloat16" if known & _BFLOAT16_CPU else "float32"


def _visible() -> list[str] | None:
    """Return the names in `CUDA_VISIBLE_DEVICES`, None if it is not set: all."""
    names = os.environ.get(VISIBLE)
    return None if names is None else [name.strip() for name in names.split(",") if name.strip() not in ("", "-1")]


def _is_among(gpu: Gpu, names: Sequence[str]) -> bool:
    return any(gpu.index == name or (len(name) > 4 and gpu.uuid.startswith(name)) for name in names)


@functools.cache  # the driver takes up to a second, and its GPUs do not change
def _listed(program: str) -> tuple[tuple[Gpu, ...], str | None]:
    """Return the GPUs that `nvidia-smi` lists, and what it says instead if it fails."""
    done = _asked(program, _QUERY)
    if done.returncode != 0:
        return (), (done.stdout + done.stderr).strip().partition("\n")[0]
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()]
    return tuple(Gpu(*row) for row in rows if len(row) == len(fields(Gpu))), None


def _asked(program: str, query: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Return the answer of `nvidia-smi` to a query; raises `InputError` if there is none in time."""
    command = [program, *options, f"--query-gpu={query}", "--format=csv,noheader,nounits"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER)
    except subprocess.TimeoutExpired:
        raise InputError(
            f"nvidia-smi does not answer within {_ANSWER:g} s; restart the driver, or set {VISIBLE}=-1 for the CPU."
        ) from None
