"""Kill studies at random moments, call the same command again, and compare what is left with an undisturbed study.

    scripts/check_faults --kills 60 --seed 1      20 minutes on 2 cores
    scripts/check_faults --kills 6                what CI does

Each round is a study in a folder of its own, which is killed several times: the command alone, its whole group, or one
of its workers; by SIGKILL, SIGTERM or SIGINT; from .2 s after its start until an undisturbed one would have ended, so
within imports, while MLflow's database is made, in optimisations, while files are written and in the report. Some
rounds have two commands at once, or `rerun=true` over a complete study; at last an MLflow server dies. Every planned
run has to be there once, with the bytes, metrics and curves of the undisturbed study, nothing RUNNING in MLflow, and
nothing left over.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
STUDY = (
    "study=faults",
    "preset=smoke",
    "transform=displacement,unet",
    "seed=0,1",
    "schedule.iterations=[40,150]",
    "schedule.tolerance=0",
    "-m",
)
COMPUTES = ((), ("compute=processes", "compute.workers=2"))
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
BYTES = ("displacement.nii.gz", "warped.nii.gz", "warped_labels.nii.gz", "jacobian.nii.gz", "history.csv")
COST = ("seconds", "startup_seconds", "peak_memory_mb")  # the metrics that differ from run to run


@dataclass(frozen=True)
class Study:
    """What a study has left: by signature, the content of its files and its metrics."""

    files: Mapping[str, Mapping[str, bytes]]
    metrics: Mapping[str, Mapping[str, float]]

    @classmethod
    def read(cls, folder: Path) -> "Study":
        """Read all complete runs of a study's folder."""
        runs = {path.parent.name: path.parent for path in folder.glob("*/result.json")}
        files = {name: {file: (run / file).read_bytes() for file in BYTES} for name, run in runs.items()}
        metrics = {}
        for name, run in runs.items():
            values = json.loads((run / "metrics.json").read_text())
            metrics[name] = {key: value for key, value in values.items() if key not in COST}
        return cls(files, metrics)


def start(folder: Path, *more: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the study's command in a process group of its own."""
    command = [str(BIN / "pairreg"), *STUDY, *more]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill(command: subprocess.Popen[str], numbers: random.Random) -> str:
    """Send a signal to the command, its group or one of its workers; return what was done."""
    if command.poll() is not None:
        return "over"
    number = numbers.choice(SIGNALS)
    workers = workers_of(command.pid)
    target = numbers.choice(["command", "group", "worker"]) if workers else numbers.choice(["command", "group"])
    try:
        if target == "group":
            os.killpg(command.pid, number)
        else:
            os.kill(numbers.choice(workers) if target == "worker" else command.pid, number)
    except ProcessLookupError:
        return "over"
    return f"{number.name} to the {target}"


def workers_of(pid: int) -> list[int]:
    """Return the processes of a command that compute runs."""
    children = [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in read(file).split()]
    return [child for child in children if "spawn_main" in read(Path(f"/proc/{child}/cmdline"))]


def read(path: Path) -> str:
    """Return the text of a file that may vanish at any time."""
    try:
        return path.read_text()
    except OSError:
        return ""


def wait(command: subprocess.Popen[str], group: int, seconds: float) -> str:
    """Wait for a command and all processes that it has started; return what it said."""
    said = command.communicate(timeout=600)[0]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return said
        time.sleep(0.05)
    raise AssertionError(f"processes of {group} are still there {seconds} s after the command has ended")


def problems(folder: Path, expected: Study, database: Path, answer: int, said: str) -> list[str]:
    """Return what is not as in the undisturbed study."""
    found: list[str] = []
    if answer != 0 or "Traceback" in said:
        found.append(f"exit code {answer}: {said[-500:]}")
    study = Study.read(folder)
    if study.files.keys() != expected.files.keys():
        found.append(f"runs {sorted(study.files)} instead of {sorted(expected.files)}")
    for name in study.files.keys() & expected.files.keys():
        found += [f"{name}/{file} differs" for file in BYTES if study.files[name][file] != expected.files[name][file]]
        if study.metrics[name] != expected.metrics[name]:
            found.append(f"{name}: the metrics differ")
    left = [path for path in folder.rglob("*") if path.name in ("checkpoint", "error.txt")]
    left += [path for path in (*folder.rglob(".*"), *folder.parent.glob(".*")) if path.name != ".locks"]
    found += [f"left over: {path.relative_to(folder.parent)}" for path in left]
    return found + index_problems(database, folder)


def index_problems(database: Path, folder: Path) -> list[str]:
    """Return what is not right in MLflow: each run once and finished, with its whole curve."""
    found = []
    with closing(sqlite3.connect(database)) as index:
        rows = index.execute(
            "SELECT runs.run_uuid, status, value FROM runs LEFT JOIN tags ON tags.run_uuid = runs.run_uuid "
            "AND tags.key = 'pairreg.signature' WHERE lifecycle_stage = 'active'"
        ).fetchall()
        for _, status, name in rows:
            if status == "RUNNING" or (name and status not in ("FINISHED", "KILLED")):
                found.append(f"MLflow: {name or 'the parent'} is {status}")
        for path in folder.glob("*/result.json"):
            finished = [run for run, status, name in rows if name == path.parent.name and status == "FINISHED"]
            if len(finished) != 1:
                found.append(f"MLflow has {path.parent.name} {len(finished)} times as finished")
                continue
            query = "SELECT step, value FROM metrics WHERE run_uuid = ? AND key = 'loss' ORDER BY step"
            curve = index.execute(query, finished).fetchall()
            lines = (path.parent / "history.csv").read_text().splitlines()[1:]
            wanted = [(int(line.split(",")[0]), float(line.split(",")[1])) for line in lines]
            if curve != wanted:
                found.append(f"MLflow: the curve of {path.parent.name} has {len(curve)} of {len(wanted)} values")
    return found


def round_of_kills(
    folder: Path, expected: Study, kills: int, seconds: float, numbers: random.Random, number: int
) -> list[str]:
    """Disturb one study `kills` times within the `seconds` that it takes, complete it, and return what is wrong."""
    compute = COMPUTES[number % 2]
    more = [*compute, "output_dir=runs"]
    if number % 4 == 3:  # over a complete study
        wait_for_end(start(folder, *more))
        more.append("rerun=true")
    for _ in range(kills):
        at = numbers.uniform(0.2, seconds)
        commands = [start(folder, *more)]
        if number % 3 == 2:  # two at once
            commands.append(start(folder, *more))
        time.sleep(at)
        done = kill(commands[0], numbers)
        for command in commands:
            if command is commands[0] or numbers.random() < 0.5:
                wait(command, command.pid, seconds=6)
            else:
                kill(command, numbers)
                wait(command, command.pid, seconds=6)
        print(f"  {at:5.2f} s  {done}{'' if len(commands) == 1 else ', another command beside it'}", flush=True)
    last = start(folder, *compute, "output_dir=runs")
    said = wait(last, last.pid, seconds=6)
    return problems(folder / "runs" / "faults", expected, folder / "runs" / "mlflow.db", last.returncode, said)


def wait_for_end(command: subprocess.Popen[str]) -> None:
    """Wait for a command that nothing disturbs; raises if it fails."""
    said = wait(command, command.pid, seconds=6)
    assert command.returncode == 0, said


def dying_server(folder: Path, expected: Study) -> list[str]:
    """Return what is wrong after an MLflow server has died in a study and is there again for the next command."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = folder / "server.db"
    address = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"}
    server = serve(port, database, folder)
    command = start(folder, "output_dir=runs", environment=address)
    while not list(folder.glob("runs/faults/*/result.json")):
        assert command.poll() is None, command.communicate()[0]
        time.sleep(0.1)
    os.killpg(server.pid, signal.SIGKILL)
    said = wait(command, command.pid, seconds=6)
    found = [] if command.returncode == 0 else [f"without the server: exit code {command.returncode}: {said[-500:]}"]
    server = serve(port, database, folder)
    last = start(folder, "output_dir=runs", environment=address)
    said = wait(last, last.pid, seconds=6)
    os.killpg(server.pid, signal.SIGKILL)
    return found + problems(folder / "runs" / "faults", expected, database, last.returncode, said)


def serve(port: int, database: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start an MLflow server, and wait until it answers."""
    store = ["--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(folder / "artifacts")]
    command = [str(BIN / "mlflow"), "server", "--port", str(port), "--workers", "1", *store]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with socket.socket() as client:
            client.settimeout(1)
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.2)
    raise AssertionError("the MLflow server does not start")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all rounds; exit code 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    numbers = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="pairreg-faults-") as name:
        work = Path(name)
        (work / "whole").mkdir()
        began = time.monotonic()
        wait_for_end(start(work / "whole", "output_dir=runs"))
        seconds = time.monotonic() - began
        print(f"undisturbed: {seconds:.1f} s", flush=True)
        expected = Study.read(work / "whole" / "runs" / "faults")
        wrong = index_problems(work / "whole" / "runs" / "mlflow.db", work / "whole" / "runs" / "faults")
        assert len(expected.files) == 4 and not wrong, wrong
        left, number = options.kills, 0
        while left > 0:
            kills = min(left, numbers.randint(2, 4))
            left -= kills
            folder = work / f"{number}"
            folder.mkdir()
            print(f"round {number}: {kills} kills, {' '.join(COMPUTES[number % 2]) or 'compute=local'}", flush=True)
            found = round_of_kills(folder, expected, kills, seconds, numbers, number)
            print("".join(f"  WRONG: {one}\n" for one in found) or "  as undisturbed", flush=True)
            wrong += found
            shutil.rmtree(folder)
            number += 1
        (work / "server").mkdir()
        found = dying_server(work / "server", expected)
        print(f"a server that dies: {found or 'as undisturbed'}", flush=True)
        wrong += found
    print(f"{options.kills} kills in {number} rounds, seed {options.seed}: {len(wrong)} things wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
