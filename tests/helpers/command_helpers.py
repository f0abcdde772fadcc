"""The installed commands as users call them, and the run that they leave."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Command = Callable[..., subprocess.CompletedProcess[str]]


def installed(name: str) -> Command:
    """Calls the command with arguments and, by keyword, the folder `cwd` and further environment variables."""
    command = Path(sys.executable).parent / name

    def call(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(command), *map(str, arguments)],
            cwd=cwd,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=600,
        )

    return call


def only_run(folder: Path) -> Path:
    """The folder of the one complete run below `folder`; asserts that there is no other."""
    results = list(folder.rglob("result.json"))
    assert len(results) == 1, results
    return results[0].parent
