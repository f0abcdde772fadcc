"""What `pairreg-export` writes: a displacement for each case of Learn2Reg that a study has a run of."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import track

from pairreg import option_files
from pairreg.cli.report import find
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.files import expanded, replacing
from pairreg.pair import hdf5, learn2reg
from pairreg.pair.pair import Pair
from pairreg.report.design import Design
from pairreg.report.study_runs import read_study
from pairreg.runs.folder import is_complete
from pairreg.runs.identity import identity
from pairreg.runs.read import Run
from pairreg.transform_files.write import write_transform

_CASES_OF = {
    f"{load.__module__}.{load.__name__}": cases_of
    for load, cases_of in ((learn2reg.load_learn2reg, learn2reg.cases_of), (hdf5.load_case, hdf5.learn2reg_cases_of))
}


def file_name(case: str) -> str:
    """The name of the file of a case, such as `disp_0001_0002.nii.gz`."""
    return f"disp_{case}.nii.gz"


def runs_of(names: Sequence[str], output_dir: Path) -> list[Run]:
    """The complete runs of studies, and those in run folders; raises `InputError` for what is neither."""
    found: list[Run] = []
    for name in names:
        folder = expanded(name)
        found += [Run.complete(folder)] if is_complete(folder) else read_study(find(name, output_dir)).runs
    return found


def runs_by_case(runs: Sequence[Run]) -> dict[str, Run]:
    """The run of each case.

    Raises `InputError` for a run of another pair, for several runs of one case, and for files that have changed since.
    """
    found: dict[str, Run] = {}
    for run in runs:
        run.check_asked_for()
        settings = run.asked_config["pair"]
        known = _CASES_OF[settings["_target_"]](settings) if settings["_target_"] in _CASES_OF else []
        if len(known) != 1:
            said = f"{run.folder} is not of pair=learn2reg, nor of a file that pairreg-pack --learn2reg wrote"
            raise InputError(f"{said}; give runs of Learn2Reg's pairs.")
        case = known[0]
        if case in found:
            labels = ", ".join(Design.of(runs).labels)
            raise InputError(
                f"{found[case].folder} and {run.folder} are both of case {case} (settings: {labels}); give the run "
                "folders of one setting and seed."
            )
        _check_unchanged(run)
        found[case] = run
    return found


def _check_unchanged(run: Run) -> None:
    then = run.inputs or {}
    for one in identity({"pair": run.asked_config["pair"]})[1]:
        if one.name in then and then[one.name].digest != one.digest:
            raise InputError(f"{one.path}, or a file of its case, has changed since {run.folder} began; run it again.")


def missing_cases(runs: Mapping[str, Run]) -> list[str]:
    """The cases of the same lists of pairs, or of the same HDF5 files, that no run is of."""
    every = [{**run.asked_config["pair"], "case": "*"} for run in runs.values()]
    distinct = [settings for i, settings in enumerate(every) if settings not in every[:i]]
    return [case for one in distinct for case in _CASES_OF[one["_target_"]](one) if case not in runs]


def write_files(runs: Mapping[str, Run], folder: Path) -> None:
    """Write the file of every case into `folder`."""
    terminal = console(stderr=True)
    for case, run in track(runs.items(), "exporting", console=terminal, disable=not terminal.is_terminal):
        pair: Pair = option_files.instantiate(run.asked_config["pair"], "pair")
        write_transform(run.transform, folder / file_name(case), "learn2reg", pair.fixed, pair.moving)


def write_zip(runs: Mapping[str, Run], path: Path) -> None:
    """Write one ZIP file with the file of every case, whole or not at all."""
    with replacing(path) as part, zipfile.ZipFile(part, "w") as archive:  # its members are compressed themselves
        for case, run in runs.items():
            with TemporaryDirectory(dir=path.parent, prefix=".") as folder:
                write_files({case: run}, Path(folder))
                archive.write(Path(folder) / file_name(case), file_name(case))
