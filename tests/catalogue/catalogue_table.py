"""Tries all cases of the catalogue and says which hold. As a program it prints the table."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from catalogue_cases import Case, Catalogue
from command_helpers import BIN

QUICK = ("preset=smoke", "transform=displacement", "schedule.scales=[2]", "schedule.iterations=[2]", "tracking=none")
PROCESSES = 2


@dataclass(frozen=True)
class Tried:
    """A case, and what is wrong with its answer; empty if it holds."""

    group: str
    case: Case
    fault: str


def tried_in(folder: Path) -> list[Tried]:
    """Write all inputs below `folder`, run all cases in a few processes, and judge the answers."""
    inputs = folder / "inputs"
    inputs.mkdir(parents=True)
    run = finished_run(folder / "study")
    groups = Catalogue(inputs, run).cases()
    listed = [(group, case) for group, cases in groups.items() for case in cases]
    before = digests(inputs) | digests(run)
    answers = run_all([case for _, case in listed], folder)
    assert digests(inputs) | digests(run) == before, "an input was changed"
    return [Tried(group, case, fault(case, answer)) for (group, case), answer in zip(listed, answers, strict=True)]


def finished_run(folder: Path) -> Path:
    """A finished registration of the image that most cases use."""
    from catalogue_files import nifti

    folder.mkdir()
    image = nifti("f.nii.gz")(folder)
    pair = ("pair=files", f"pair.fixed={image}", f"pair.moving={image}", "pair.name=p")
    pairreg = BIN / "pairreg"
    subprocess.run([pairreg, *pair, *QUICK], cwd=folder, check=True, capture_output=True)
    (result,) = folder.glob("runs/*/*/result.json")
    return result.parent


def run_all(cases: Sequence[Case], folder: Path) -> list[Mapping[str, Any]]:
    """The answers of all cases, each in a folder of its own."""
    runner = Path(__file__).parent / "catalogue_runner.py"
    started = []
    for part in range(PROCESSES):
        mine = [
            {"command": case.command, "arguments": case.arguments, "folder": str(folder / "work" / str(number))}
            for number, case in enumerate(cases)
            if number % PROCESSES == part
        ]
        (folder / f"cases{part}.json").write_text(json.dumps(mine))
        files = (str(folder / f"cases{part}.json"), str(folder / f"out{part}.json"))
        started.append(subprocess.Popen([sys.executable, str(runner), *files]))
    assert [process.wait(timeout=900) for process in started] == [0] * PROCESSES
    parts = [json.loads((folder / f"out{part}.json").read_text()) for part in range(PROCESSES)]
    return [parts[number % PROCESSES][number // PROCESSES] for number in range(len(cases))]


def fault(case: Case, answer: Mapping[str, Any]) -> str:
    """What is wrong with an answer."""
    lines = answer["stderr"].splitlines()
    if "Traceback" in answer["stderr"] + answer["stdout"]:
        return f"a traceback that ends in {lines[-1] if lines else answer['stdout'].splitlines()[-1]!r}"
    if not case.refused:
        if answer["code"] != 0 or not all(line.startswith(case.arguments) for line in lines):  # warnings of a file
            return f"exit code {answer['code']}: {answer['stderr']!r}"
        return "" if re.search(re.escape(case.says), answer["stdout"]) else f"{answer['stdout']!r} lacks {case.says!r}"
    if answer["code"] != 2:
        return f"exit code {answer['code']}: {answer['stdout'][-200:]!r} {answer['stderr'][-300:]!r}"
    if len(lines) != 1:
        return f"{len(lines)} lines: {answer['stderr'][:400]!r}"
    if answer["left"]:
        return f"left behind: {answer['left']}"
    return "" if re.search(case.says, lines[0]) else f"{lines[0]!r} does not say {case.says!r}"


def digests(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.blake2b(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def table(tried: Sequence[Tried]) -> str:
    """Tried and held by group, and the faults."""
    lines = []
    for group in dict.fromkeys(one.group for one in tried):
        mine = [one for one in tried if one.group == group]
        lines.append(f"{group:15} tried {len(mine):4}, held {sum(not one.fault for one in mine):4}")
    lines.append(f"{'all':15} tried {len(tried):4}, held {sum(not one.fault for one in tried):4}")
    return "\n".join([*lines, *(f"{one.group}: {one.case.name}: {one.fault}" for one in tried if one.fault)])


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
    with TemporaryDirectory() as temporary:
        print(table(tried_in(Path(temporary) / "catalogue")))
