"""The one reader of run folders, for tables, reports, trackers and commands."""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pairreg.errors import InputError
from pairreg.files import existing, expanded
from pairreg.plain_json import numbers
from pairreg.runs import folder as names
from pairreg.runs.content import digest
from pairreg.runs.identity import Input, leaves
from pairreg.runs.replace import settle

if TYPE_CHECKING:
    import SimpleITK as sitk

    from pairreg.runs.figure_arrays import FigureArrays

_PARTS = ("metrics", "choices", "config", "provenance")  # of result.json


def read_metrics(folder: Path) -> dict[str, float]:
    """Return the final metrics in a run folder, by name."""
    return numbers(json.loads((folder / names.METRICS).read_text(encoding="utf-8")))


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Raise `InputError` if what the run in `folder` was asked for cannot be read in the block."""
    from omegaconf.errors import OmegaConfBaseException

    try:
        yield
    except InputError:
        raise
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        OmegaConfBaseException,
    ) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{folder} is not the folder of a run ({reason}); give another one.") from None


@dataclass(frozen=True)
class Run:
    """The run in `folder`, whose files are read when asked for. Only a complete one has everything; see `error`."""

    folder: Path

    @classmethod
    def at(cls, path: str | Path) -> "Run":
        """Return the run in the folder `path`, in whatever state; raises `InputError` if there is no such folder."""
        folder = expanded(path)
        settle(folder)
        existing(names.place_of(folder))
        return cls(folder)

    @classmethod
    def complete(cls, folder: Path) -> "Run":
        """Return the run in `folder`; raises `InputError` if it is not complete or its `result.json` is damaged."""
        run = cls.at(folder)
        if not run.is_complete:
            raise InputError(f"{folder} has no {names.RESULT}; give the folder of a run that has finished.")
        run.summary  # noqa: B018 (reading it is the check)
        return run

    @classmethod
    def begun(cls, folder: Path) -> "Run":
        """Return the run in `folder`, complete or not; raises `InputError` if there is none that can be read."""
        run = cls.at(folder)
        if not run.is_complete:
            run.check_asked_for()
        with readable(folder):
            dict(run.config), dict(run.choices)  # noqa: B018 (reading them is the check)
        return run

    @property
    def place(self) -> Path:
        """Where the files lie: in `folder`, unless a replacement of it was cut by a kill."""
        return names.place_of(self.folder)

    @property
    def is_complete(self) -> bool:
        """Whether the run has left all of its results."""
        return names.is_complete(self.place)

    @property
    def signature(self) -> str:
        """The eight hex digits that name the folder."""
        return self.folder.name

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """The content of `result.json`; raises `InputError` if it is damaged."""
        path = self.place / names.RESULT
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return {**content, **{part: content[part] for part in _PARTS}, "metrics": numbers(content["metrics"])}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{path} is not the result of a run ({error}); run it again with rerun=true.") from None

    @cached_property
    def asked(self) -> Mapping[str, Any]:
        """The `choices` and the `command` of a run that came from a command; empty for others."""
        path = self.place / names.SPEC
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    @property
    def command(self) -> str:
        """The command line that repeats a run of a command; empty for others, and where it was cut off by a copy."""
        try:
            return str(self.asked.get("command", ""))
        except ValueError:
            return ""

    def __getstate__(self) -> dict[str, Any]:
        """Only say where the files are, so that another process reads them itself."""
        return {"folder": self.folder}

    @property
    def content(self) -> str:
        """The digest of what a complete run has left: `result.json` is written last and has what came of the others."""
        return digest(self.place / names.RESULT)

    @cached_property
    def choices(self) -> Mapping[str, str]:
        """The option of every group, terms joined by `+`."""
        found: Mapping[str, str] = (self.summary if self.is_complete else self.asked)["choices"]
        return found

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The composed config, nested."""
        return self.summary["config"] if self.is_complete else self.asked_config

    @property
    def is_asked_for(self) -> bool:
        """Whether the folder says what was asked for, as that of every run which has begun does."""
        return (self.place / names.CONFIG).is_file()

    def check_asked_for(self) -> None:
        """Raise `InputError` unless the folder says what was asked for."""
        if not self.is_asked_for:
            raise InputError(f"{self.folder} is not the folder of a run: it has no {names.CONFIG}; give another one.")

    @cached_property
    def asked_config(self) -> Mapping[str, Any]:
        """The composed config with absolute paths, which repeats the run from anywhere."""
        from omegaconf import OmegaConf

        from pairreg.bounded_yaml import check_yaml

        path = self.place / names.CONFIG
        check_yaml(path)
        found: Any = OmegaConf.to_container(OmegaConf.load(path))
        return found

    @cached_property
    def metrics(self) -> Mapping[str, float]:
        """The final metrics by name; of an incomplete run those that it had when it stopped."""
        return self.summary["metrics"] if self.is_complete else read_metrics(self.folder)

    @property
    def provenance(self) -> Mapping[str, str]:
        """Code, versions and machine of a complete run."""
        found: Mapping[str, str] = self.summary["provenance"]
        return found

    @cached_property
    def inputs(self) -> Mapping[str, Input] | None:
        """The files that the run depends on, by the names of their settings; None if it is from before they were kept.

        The paths are those that a complete run was given, and those that repeat one which is not complete.
        """
        if not self.is_complete:
            paths = {name: str(value) for name, value in leaves(self.asked_config)}
            digests: Mapping[str, str] | None = self.asked.get("inputs")
            return None if digests is None else {n: Input(n, paths.get(n, ""), one) for n, one in digests.items()}
        kept = self.summary.get("inputs")
        return None if kept is None else {one["name"]: Input(one["name"], one["path"], one["digest"]) for one in kept}

    @property
    def known_inputs(self) -> Mapping[str, Input] | None:
        """The same as `inputs`, under the name that runs which are asked for have, too."""
        return self.inputs

    @property
    def input_notes(self) -> list[str]:
        """What was repaired or is doubtful in the inputs of a complete run, a sentence each."""
        inputs = self.summary.get("inputs", ())
        return [text for one in inputs for part in ("repairs", "warnings") for text in one.get(part, ())]

    @property
    def finished_at(self) -> float:
        """The time at which the run was completed, in seconds since the epoch."""
        return (self.place / names.RESULT).stat().st_mtime

    @property
    def error(self) -> str | None:
        """The message at the end of a failed run's traceback, without the name of the exception's module."""
        path = names.error_file(self.folder)
        if not path.exists():
            return None
        lines = path.read_text(encoding="utf-8").strip().splitlines() or ["no message"]
        return lines[-1].removeprefix("pairreg.errors.")

    @property
    def unfinished(self) -> str:
        """What became of a run that is not complete, as `has failed (…)` or `is running`."""
        return f"has failed ({self.error.rstrip('.')})" if self.error else f"is {names.state(self.folder)}"

    @property
    def has_history(self) -> bool:
        """Whether the run has left a history, which also one that diverged has."""
        return (self.place / names.HISTORY).exists()

    @cached_property
    def history(self) -> dict[str, np.ndarray]:
        """The columns `(iterations,)` of `iteration`, `loss`, every term and `level`, by name.

        None for a method of others, which has no iterations of ours. Raises `InputError` for a file that is damaged.
        """
        if not self.has_history:
            return {}
        path = self.place / names.HISTORY
        try:
            with path.open(newline="", encoding="utf-8") as file:
                columns, *rows = csv.reader(file)
            return dict(zip(columns, np.array(rows, float).reshape(-1, len(columns)).T, strict=True))
        except ValueError as error:
            raise InputError(
                f"{path} is damaged ({error}); copy its folder again, or run it with rerun=true."
            ) from None

    @property
    def field(self) -> np.ndarray:
        """The field `(*spatial, ndim)` in voxels without the linear part of the initialisation, read anew each time.

        Raises `InputError` if it is missing or damaged.
        """
        import h5py

        path = self.place / names.ARRAYS
        try:
            with h5py.File(path) as file:
                return np.asarray(file["field"])
        except (OSError, KeyError) as error:
            raise InputError(f"{path} has no field ({error}); run it again with rerun=true.") from None

    @property
    def figure_arrays(self) -> "FigureArrays":
        """The arrays that figures show of the run, read anew each time: a study of 3-D runs does not fit into memory.

        Raises `InputError` if they are missing or damaged.
        """
        from pairreg.runs.figure_arrays import FigureArrays

        path = self.place / names.ARRAYS
        try:
            return FigureArrays.read(path)
        except (OSError, KeyError) as error:
            raise InputError(f"{path} has no images to draw ({error}); run it again with rerun=true.") from None

    @property
    def label_names(self) -> dict[int, str]:
        """The names of label values, as far as the pair had them."""
        from pairreg.runs.figure_arrays import read_label_names

        return read_label_names(self.place / names.ARRAYS)

    @property
    def transform_file(self) -> Path:
        """The file of the transform; what holds the same in a run from before it was written."""
        path = self.place / names.TRANSFORM
        return path if path.is_file() else names.image_file(self.place, "displacement")

    @property
    def transform(self) -> "sitk.CompositeTransform":
        """The map from fixed to moving points, defined everywhere; see `pairreg.whole_transform`.

        Raises `InputError` if the file is damaged. A run from before the file was written is read from its field and
        its displacement, which hold the same.
        """
        from pairreg import whole_transform

        path = self.place / names.TRANSFORM
        if not path.is_file():
            return whole_transform.recovered(self.figure_arrays.field, self.image("displacement"))
        try:
            return whole_transform.read(path)
        except (OSError, RuntimeError):
            raise InputError(f"{path} cannot be read; run it again with rerun=true.") from None

    def image(self, name: str, advice: str = "run it again") -> "sitk.Image":
        """Return an image that the run left: `warped`, `displacement`, `jacobian`, `warped_labels`, `warped_<channel>`.

        Raises `InputError` with the `advice` if it is missing.
        """
        from pairreg.reading.any_format import read_vectors

        path = names.image_file(self.place, name)
        if not path.is_file():
            raise InputError(f"{path} is missing; {advice}.")
        return read_vectors(path).image
