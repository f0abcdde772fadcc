"""One registration by antspyx, in an environment of its own: `python ants_registration.py ASKED.json`.

ASKED has the files `fixed`, `moving` and, if there are any, `fixed_mask` and `moving_mask`, the `folder` for the
transforms, and `arguments` of `ants.registration`; threads and seed come by the environment. Beside it, `answer.json`
gets the `files` of the transform in the order of `antsApplyTransforms`, the `seconds` of the registration alone, and
the version.
"""

import inspect
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import ants


def main(asked: Path) -> None:
    wanted = json.loads(asked.read_text())
    known = inspect.signature(ants.registration).parameters
    for name in wanted["arguments"]:
        if name not in known:
            sys.exit(f"ants.registration takes no argument {name!r}; it takes {', '.join(known)}")
    images = {name: ants.image_read(wanted[name]) for name in ("fixed", "moving")}
    masks = {"mask": "fixed_mask", "moving_mask": "moving_mask"}
    given = {name: ants.image_read(wanted[role]) for name, role in masks.items() if role in wanted}
    began = time.perf_counter()
    found = ants.registration(**images, **given, outprefix=f"{wanted['folder']}/found", **wanted["arguments"])
    seconds = time.perf_counter() - began
    answer = {"files": found["fwdtransforms"], "seconds": seconds, "programs": {"antspyx": version("antspyx")}}
    asked.with_name("answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
