"""What `pairreg-doctor` tries, each in limited time; what may crash or hang is tried in a process of its own."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

from pairreg import devices
from pairreg.backend.compile_cache import FLAGS, check_compile_cache, compile_cache_folder
from pairreg.backend.memory import check_address_space, machine_gb
from pairreg.cli.doctor_probes import TOLD
from pairreg.errors import InputError
from pairreg.files import folder_to_be
from pairreg.foreign_messages import last_line
from pairreg.option_files import build, defaults
from pairreg.tracking.mlflow_address import ENV, beside, shown

Status = Literal["ok", "none", "warn", "fail"]
_SECONDS = {"devices": 90.0, "tracking": 60.0}  # limits; importing TensorFlow takes 30 s on a slow network disk
_OF_SLURM = 10.0
_OF_REGISTRATION = 300.0
_SSIM = 0.45  # after the registration that is tried
_SCARCE, _TOO_LITTLE = 5e9, 0.2e9  # bytes that are free: of some runs in 3-D, of one in 2-D


@dataclass(frozen=True)
class Finding:
    """One line: `check`, its name; `status`; `found`; `advice`, what to do, empty if nothing has to be done.

    `none` is what is not here, and needed only by who asks for it; `warn` is what does not work, and is not needed
    either, or costs time; `fail` is what has to work.
    """

    check: str
    status: Status
    found: str
    advice: str = ""


Said = tuple[Status, str, str]


class _Silent(Exception):
    """Raised with one sentence when a probe has crashed or did not end in time."""


def examine(output_dir: Path) -> list[Finding]:
    """Return what was found by each check, tried at the same time; `output_dir` is where runs would be kept."""
    with ThreadPoolExecutor(len(_CHECKS)) as pool:
        return list(pool.map(lambda check: _finding(check, output_dir), _CHECKS))


def _finding(check: str, output_dir: Path) -> Finding:
    try:
        return Finding(check, *_CHECKS[check](output_dir))
    except (InputError, _Silent) as error:
        return Finding(check, "fail", str(error).rstrip("."))
    except Exception as error:  # it is shown: that a check fails says something about the machine, too
        return Finding(check, "fail", f"{type(error).__name__}: {last_line(error)}")


def packages(output_dir: Path) -> Said:
    del output_dir
    asked = [Requirement(text) for text in importlib.metadata.requires("pairreg") or []]
    needed = [one for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [one for one in needed if not _is_met(one)]
    if wrong:
        found = ", ".join(f"{one.name} {_version(one.name) or 'missing'}" for one in wrong)
        return "fail", found, "pip install " + " ".join(f"'{one.name}{one.specifier}'" for one in wrong)
    named = ("pairreg", "tensorflow", "keras", "numpy", "SimpleITK", "mlflow")
    versions = [f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in named)]
    return "ok", ", ".join(versions), ""


def _is_met(requirement: Requirement) -> bool:
    found = _version(requirement.name)
    return found is not None and requirement.specifier.contains(found, prereleases=True)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor(output_dir: Path) -> Said:
    del output_dir
    check_address_space()
    threads = defaults()["threads"]
    return "ok", f"{devices.cores()} cores for threads={threads}, {machine_gb():.0f} GB of memory", ""


def device(output_dir: Path) -> Said:
    del output_dir
    told = _probe("devices")
    began = f"TensorFlow starts in {told['seconds']:.1f} s"
    if told["gpus"]:
        known = {gpu.model: str(gpu) for gpu in devices.gpus()}
        return "ok", f"{began} on {'; '.join(known.get(model, model) for model in told['gpus'])}", ""
    if complaint := devices.driver_complaint():
        return "warn", f"{began} on the CPU; nvidia-smi: {complaint}", "repair the driver to use the GPU"
    if gpus := devices.gpus():
        return "warn", f"{began} on the CPU, and sees no {gpus[0].model}", "pip install 'pairreg[gpu]'"
    return "ok", f"{began} on the CPU; no NVIDIA GPU is visible (one needs pip install 'pairreg[gpu]')", ""


def precision(output_dir: Path) -> Said:
    del output_dir
    native = devices.native_precision()
    if native == "float32":
        return "ok", "float32; bfloat16 would be emulated here", ""
    return "ok", f"float32, and bfloat16: precision={native} makes networks faster", ""


def compiled_code(output_dir: Path) -> Said:
    del output_dir
    if FLAGS in os.environ:
        return "warn", f"{FLAGS} is set, so compiled code is not kept", f"unset {FLAGS} to save 9 s a command"
    folder = compile_cache_folder()
    try:
        check_compile_cache()
    except OSError as error:
        advice = "have XDG_CACHE_HOME name a folder of your own with 200 MB of free space"
        return "warn", f"{error.filename or folder} cannot be used ({error.strerror})", advice
    return "ok", f"{sum(1 for _ in folder.glob('*.pb'))} programs in {folder}", ""


def tracking(output_dir: Path) -> Said:
    given = os.environ.get(ENV)
    address = given or beside(output_dir)
    path = Path(address.removeprefix("sqlite:///"))
    if address.startswith("sqlite:///") and not path.exists():
        return "ok", f"{output_dir / path.name}: the first run makes it", ""
    try:
        complaint = _probe("tracking", **{ENV: address})["complaint"]
    except _Silent as error:
        complaint = str(error)
    if complaint is None:
        return "ok", f"MLflow at {shown(address, address)} answers", ""
    advice = f"start it, unset {ENV}, or use tracking=none" if given else "move the file away, or use tracking=none"
    return "fail", f"MLflow at {shown(address, address)}: {shown(complaint, address)}", advice


def slurm(output_dir: Path) -> Said:
    del output_dir
    if shutil.which("sbatch") is None:
        return "none", "no sbatch on the PATH, which compute=slurm needs", ""
    advice = "have `sinfo` work before compute=slurm"
    try:
        done = subprocess.run(
            ["sinfo", "--noheader", "--format=%P %D %T"], capture_output=True, text=True, timeout=_OF_SLURM
        )
    except subprocess.TimeoutExpired:
        return "none", f"sinfo does not answer within {_OF_SLURM:g} s", advice
    except OSError as error:
        return "none", f"sinfo cannot be started ({error.strerror})", advice
    if done.returncode != 0:
        return "none", _last(done.stderr) or f"sinfo ends with exit code {done.returncode}", advice
    partitions = "; ".join(" ".join(line.split()) for line in done.stdout.splitlines())
    if not partitions:
        return "warn", "sinfo lists no partition", advice
    return "ok", f"partitions with their nodes: {partitions}", ""


def ray(output_dir: Path) -> Said:
    del output_dir
    if importlib.util.find_spec("ray") is None:
        return "none", "not installed, which compute=ray needs", "pip install 'pairreg[ray]'"
    from pairreg.compute.ray import require_cluster

    address = os.environ.get("RAY_ADDRESS")
    try:
        require_cluster("auto")
    except InputError as error:
        advice = "start the cluster, or unset RAY_ADDRESS"
        return ("warn", str(error), advice) if address else ("none", "no cluster on this machine", "")
    return "ok", f"a cluster can be joined ({address or 'on this machine'})", ""


def other_methods(output_dir: Path) -> Said:
    del output_dir
    from pairreg.method.worker import how_to_have, versions

    needed = {build(f"method/{name}").package: f"method={name}" for name in ("ants_syn", "elastix")}
    python = build("method/ants_syn").interpreter
    try:
        found = versions(python, needed)
    except InputError as error:
        return "warn", str(error).rstrip("."), "have PAIRREG_PEERS name a Python, or unset it"
    has = [f"{name} {version}" for name, version in found.items()]
    missing = [package for package in needed if package not in found]
    if not missing:
        return "ok", f"{', '.join(has)} in {python}", ""
    lacks = [f"no {package}, which {needed[package]} needs" for package in missing]
    return "none", "; ".join([*has, *lacks]), how_to_have(python, missing)


def disk(output_dir: Path) -> Said:
    folder_to_be(output_dir, written=True)
    place = next(folder for folder in (output_dir.absolute(), *output_dir.absolute().parents) if folder.exists())
    free = {folder: shutil.disk_usage(folder).free for folder in dict.fromkeys((place, Path(tempfile.gettempdir())))}
    found = ", ".join(f"{free_bytes / 1e9:.1f} GB free in {folder}" for folder, free_bytes in free.items())
    least = min(free.values())
    if least < _SCARCE:
        return "fail" if least < _TOO_LITTLE else "warn", found, "free some space; a run in 3-D takes up to 1 GB"
    return "ok", found, ""


def registration(output_dir: Path) -> Said:
    del output_dir
    from pairreg.runs.folder import run_folders
    from pairreg.runs.read import Run

    with tempfile.TemporaryDirectory(prefix="pairreg-doctor-") as folder:
        asked = ["preset=smoke", "transform=displacement", "tracking=none", "study=doctor", f"output_dir={folder}"]
        _call("pairreg.cli.run", asked, _OF_REGISTRATION, {})
        (run,) = run_folders(Path(folder) / "doctor")
        metrics = Run.complete(run).metrics
    before, after, seconds = (metrics[name] for name in ("initial/ssim", "ssim", "seconds"))
    found = f"a pair in {seconds:.1f} s, SSIM {before:.2f} to {after:.2f}"
    if abs(after - _SSIM) > 0.02:  # digits that differ from processor to processor are later ones
        return "fail", found, f"{_SSIM} is expected; install the versions that pairreg asks for into a new environment"
    return "ok", f"as expected, {found}", ""


def _probe(name: str, **environment: str) -> Any:
    """Return what a function of `doctor_probes` tells in a process of its own; raises `_Silent` if it tells nothing."""
    printed = _call("pairreg.cli.doctor_probes", [name], _SECONDS[name], environment)
    return json.loads(printed.rpartition(TOLD)[2])


def _call(module: str, arguments: Sequence[str], seconds: float, environment: Mapping[str, str]) -> str:
    """Return what a module prints as a program; raises `_Silent` if it fails, or does not end in time."""
    # -P: nothing in the working folder is taken for a package
    command = [sys.executable, "-P", "-m", module, *arguments]
    try:
        done = subprocess.run(
            command, env=os.environ | environment, capture_output=True, text=True, errors="replace", timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise _Silent(f"no answer within {seconds:g} s, as where much else is running") from None
    if done.returncode != 0:
        raise _Silent(_last(done.stderr) or f"it ended with exit code {done.returncode}")
    return done.stdout


def _last(text: str) -> str:
    return text.strip().rpartition("\n")[2].strip().rstrip(".")


_CHECKS: Mapping[str, Callable[[Path], Said]] = {
    "packages": packages,
    "processor": processor,
    "devices": device,
    "precision": precision,
    "compiled code": compiled_code,
    "tracking": tracking,
    "Slurm": slurm,
    "Ray": ray,
    "other methods": other_methods,
    "disk": disk,
    "registration": registration,
}
