"""The installed commands as users call them, and the run that they leave."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

BIN = Path(sys.executable).parent  # where the commands are installed that are tested
Command = Callable[..., subprocess.CompletedProcess[str]]


# Of this process: where it keeps compiled code, once it has imported TensorFlow.
OF_TESTS = ("TF_XLA_FLAGS",)
# How children measure coverage, which fails, and says so, where a test lets them write nothing.
OF_COVERAGE = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


def environment_without(*names: str) -> dict[str, str]:
    """The environment for a command of a user, without these variables and those of the tests."""
    return {key: value for key, value in os.environ.items() if key not in (*OF_TESTS, *names)}


def installed(name: str) -> Command:
    """Calls the command with arguments and, by keyword, the folder `cwd` and further environment variables."""
    command = BIN / name

    def call(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(command), *map(str, arguments)],
            cwd=cwd,
            env=environment_without() | environment,
            capture_output=True,
            encoding=environment.get("PYTHONIOENCODING", "utf-8"),  # as a terminal of that encoding reads it
            timeout=600,
        )

    return call


def only_run(folder: Path) -> Path:
    """The folder of the one complete run below `folder`; asserts that there is no other."""
    results = list(folder.rglob("result.json"))
    assert len(results) == 1, results
    return results[0].parent


MANY = """
import importlib, json, os, sys, traceback

name, target, folder = sys.argv[1:]
module, _, function = target.partition(":")
main = getattr(importlib.import_module(module), function)
codes = []
for i, arguments in enumerate(json.load(sys.stdin)):
    child = os.fork()
    if child == 0:
        for number, kind in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{folder}/{i}.{kind}", os.O_CREAT | os.O_WRONLY), number)
        sys.argv = [name, *arguments]
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        os._exit(code)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(codes))
"""


def many(name: str, calls: Sequence[Sequence[str]], cwd: Path, said: Path) -> list[subprocess.CompletedProcess[str]]:
    """What a command answers to many lists of arguments, each in a fork of one process that has imported it.

    `said`: an empty folder for what the calls print.
    """
    scripts = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["scripts"]
    driver = [sys.executable, "-c", MANY, name, scripts[name], str(said)]
    done = subprocess.run(driver, cwd=cwd, input=json.dumps(calls), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return [
        subprocess.CompletedProcess(call, code, (said / f"{i}.out").read_text(), (said / f"{i}.err").read_text())
        for i, (call, code) in enumerate(zip(calls, json.loads(done.stdout), strict=True))
    ]
