"""One registration by itk-elastix, in an environment of its own: `python elastix_registration.py ASKED.json`.

ASKED has the files `fixed`, `moving` and, if there are any, `fixed_mask` and `moving_mask`, the `folder` for the
transforms and the `seed`; the names of elastix' default `maps` or the `parameter_files`, and `parameters` that
replace those of every one of them. Beside it, `answer.json` gets the `files` of the transform, the `seconds` of the
registration alone, and the version.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import itk

LOG = "elastix.log"


def main(asked: Path) -> None:
    wanted = json.loads(asked.read_text())
    settings = itk.ParameterObject.New()
    for name in wanted["maps"]:
        settings.AddParameterMap(settings.GetDefaultParameterMap(name))
    for path in wanted["parameter_files"]:
        settings.AddParameterFile(path)
    for k in range(settings.GetNumberOfParameterMaps()):
        given = {"RandomSeed": [str(wanted["seed"] + 1)], "WriteResultImage": ["false"], **wanted["parameters"]}
        for name, values in given.items():
            settings.SetParameter(k, name, values)
    images = [itk.imread(wanted[name], itk.F) for name in ("fixed", "moving")]
    masks = {role: itk.imread(wanted[role], itk.UC) for role in ("fixed_mask", "moving_mask") if role in wanted}
    # The environment limits the threads: with the argument `number_of_threads`, itk-elastix 0.25 crashes in B-splines.
    began = time.perf_counter()
    try:
        _, found = itk.elastix_registration_method(
            *images,
            parameter_object=settings,
            output_directory=wanted["folder"],
            log_to_console=False,
            log_to_file=True,
            log_file_name=LOG,
            **masks,
        )
    except RuntimeError as error:  # which only says that there is a log
        sys.exit(cause(Path(wanted["folder"]) / LOG) or str(error).splitlines()[-1])
    seconds = time.perf_counter() - began
    last = Path(wanted["folder"]) / f"TransformParameters.{found.GetNumberOfParameterMaps() - 1}.txt"
    answer = {"files": [str(last)], "seconds": seconds, "programs": {"itk-elastix": version("itk-elastix")}}
    asked.with_name("answer.json").write_text(json.dumps(answer))


def cause(log: Path) -> str:
    """Return the line of elastix' log that says what is wrong; empty if there is none."""
    lines = log.read_text().splitlines() if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip().startswith(("Description:", "ERROR"))), "")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
