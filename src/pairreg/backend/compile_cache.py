"""Code that XLA has compiled for the CPU, kept on disk: later processes start in a third of the time."""

import hashlib
import os
import platform
from importlib.metadata import version
from pathlib import Path

from pairreg.files import cache_home, drop_oldest

MOST = 1000  # files, of about 1 MB each


def use_compile_cache() -> None:
    """Let TensorFlow, which is not imported yet, keep compiled code on disk and read it from there.

    The same bits come out with and without it. It is left out if its folder cannot be written or if the user has set
    `TF_XLA_FLAGS`.
    """
    kept = _folder()
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError:  # a home that is read-only: everything works without
        return
    if os.access(kept, os.W_OK):
        drop_oldest(kept, MOST)
        flags = f"--tf_xla_persistent_cache_directory={kept} --tf_xla_persistent_cache_device_types=CPU,XLA_CPU_JIT"
        os.environ.setdefault("TF_XLA_FLAGS", flags)


def _folder() -> Path:
    """Return the folder for this TensorFlow and this kind of CPU.

    Code for one may be illegal on another, and homes are shared.
    """
    kind = hashlib.sha256(f"{platform.machine()} {_cpu()}".encode()).hexdigest()[:12]
    return cache_home() / f"tensorflow-{version('tensorflow')}-{kind}"


def _cpu() -> str:
    """Return the abilities of the CPU, as far as the system tells."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else [platform.processor()]
    return next((line for line in lines if line.startswith(("flags", "Features"))), lines[0])
