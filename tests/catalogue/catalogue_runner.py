"""Runs many command lines of pairreg in one process, each as its console script would: `runner.py CASES.json OUT.json`.

A case is `{"command": "pairreg-check", "arguments": [...], "folder": "..."}`; what comes out is the exit code, both
streams, and the files that the folder has afterwards. The streams are taken from the file descriptors, so that native
code that speaks is heard, too.
"""

import importlib
import json
import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MODULES = {"pairreg": "run", "pairreg-report": "report"}


@contextmanager
def streams() -> Iterator[dict[str, str]]:
    """Both streams of what runs in here, by name, once it has ended."""
    texts: dict[str, str] = {}
    kept = {name: os.dup(number) for name, number in (("stdout", 1), ("stderr", 2))}
    files = {name: tempfile.TemporaryFile() for name in kept}
    for name, number in (("stdout", 1), ("stderr", 2)):
        getattr(sys, name).flush()
        os.dup2(files[name].fileno(), number)
    try:
        yield texts
    finally:
        for name, number in (("stdout", 1), ("stderr", 2)):
            getattr(sys, name).flush()
            os.dup2(kept[name], number)
            os.close(kept[name])
            files[name].seek(0)
            texts[name] = files[name].read().decode(errors="replace")
            files[name].close()


def call(case: dict[str, Any]) -> dict[str, Any]:
    """One command line."""
    name = MODULES.get(case["command"], case["command"].removeprefix("pairreg-"))
    main = importlib.import_module(f"pairreg.cli.{name}").main
    folder = Path(case["folder"])
    folder.mkdir(parents=True)
    os.chdir(folder)
    sys.argv = [case["command"], *case["arguments"]]
    log = logging.getLogger("pairreg")
    handlers = list(log.handlers)
    code: Any = 0
    with streams() as texts:
        try:
            main()
        except SystemExit as end:
            code = 0 if end.code is None else end.code
        except BaseException:
            traceback.print_exc()
            code = 1
        log.handlers = handlers
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return {**texts, "code": code, "left": left}


if __name__ == "__main__":
    cases = json.loads(Path(sys.argv[1]).read_text())
    output = Path(sys.argv[2])
    output.write_text(json.dumps([call(case) for case in cases]))
