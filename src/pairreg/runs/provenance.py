"""The provenance of a result: code, versions and machine."""

import functools
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from pairreg import devices

# The packages whose version can change a number in a result.
_PACKAGES = ("pairreg", "tensorflow", "keras", "numpy", "SimpleITK", "hydra-core", "mlflow")


def provenance() -> Mapping[str, str]:
    """Return facts as text by name; `git_commit` and `git_dirty` only where the code runs from a checkout.

    TensorFlow is asked for the device if `pairreg.backend.configure` was called, and is not imported for it.
    """
    return {**code(), "device": _device()}


@functools.cache  # several places of a run ask for it, and nothing of it changes within a process
def code() -> Mapping[str, str]:
    """Return `provenance` without the device, for which TensorFlow would be imported."""
    return {
        **git_state(),
        **{f"version/{name}": version(name) for name in _PACKAGES},
        "version/python": platform.python_version(),
        "platform": platform.platform(),
        "cores": str(os.cpu_count()),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def _device() -> str:
    """Return the GPU that TensorFlow has here (model, memory, driver, compute capability), else `CPU`.

    A method of others, which does without TensorFlow, has none.
    """
    from pairreg.backend import is_configured, tf

    if not is_configured():
        return "CPU"
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    # the first one, on which TensorFlow computes; it may count GPUs in another order than the driver does
    model = str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))
    return next((str(gpu) for gpu in devices.gpus() if gpu.model == model), model)


def git_state() -> dict[str, str]:
    """Return the commit of the code, and whether files differ from it; nothing outside of a checkout."""
    # an installed package may lie inside somebody else's repository, untracked
    if _git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return {}
    return {"git_commit": str(_git("rev-parse", "HEAD")), "git_dirty": str(bool(_git("status", "--porcelain"))).lower()}


def _git(*arguments: str) -> str | None:
    """Return the output of git in the folder of this file, None if that is no checkout (or there is no git)."""
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
