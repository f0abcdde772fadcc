"""What differs between two runs: what was asked for, where it was computed, and what came out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pairreg import geometry
from pairreg.metrics.catalogue import STAGES, USED, Metric, all_columns, find
from pairreg.runs.factors import choice_of
from pairreg.runs.identity import BOOKKEEPING, before, in_one_value, leaves, plain, tells_apart
from pairreg.runs.read import Run

if TYPE_CHECKING:
    import SimpleITK as sitk

_TARGET = "_target_"
_CODE = ("git_commit", "git_dirty")
_VERSION = "version/"
_MACHINE = ("platform", "cores", "device")
_SAME_GRID = 1e-4  # mm, and components of directions


@dataclass(frozen=True)
class Row:
    """One thing that differs: its `name`, and what it is in either run; None where a run does not have it."""

    name: str
    first: Any
    second: Any


@dataclass(frozen=True)
class MetricRow:
    """One metric of either run; `label`: of which label, if it is one of a single label."""

    metric: Metric
    label: str
    first: float | None
    second: float | None


@dataclass(frozen=True)
class Distance:
    """How far apart two displacements lie, in voxels over all voxels; `is_zero`: whether they are the same bytes."""

    mean: float
    percentile_95: float
    maximum: float
    is_zero: bool

    @classmethod
    def between(cls, first: np.ndarray, second: np.ndarray, to_voxels: np.ndarray | None = None) -> "Distance":
        """Return the distance of displacements `(*spatial, ndim)`, which the matrix `to_voxels` turns into voxels."""
        difference = first.astype(np.float64) - second
        length = np.linalg.norm(difference if to_voxels is None else difference @ to_voxels.T, axis=-1)
        is_zero = first.dtype == second.dtype and first.tobytes() == second.tobytes()
        return cls(float(length.mean()), float(np.percentile(length, 95)), float(length.max()), is_zero)


@dataclass(frozen=True)
class Difference:
    """The difference between two runs, of which the results are read when asked for."""

    first: Run
    second: Run

    @property
    def settings(self) -> list[Row]:
        """Options and settings that the identity of a run tells apart, without inputs.

        What cannot change a result is none of them: names, folders, tracking, where a program lies, which case of a
        data set it is if the content is the same, a list with one value for all levels instead of that value, a setting
        that an option has gained since and that does what it did before.
        """
        choices = _rows(*({k: choice_of(run, k) for k in run.choices if _is_science(run, k)} for run in self._both))
        changed = {row.name for row in choices}
        # Those of a list are inputs each, and one setting.
        inputs = {name.partition("[")[0] for run in self._both for name in run.inputs or ()}
        digests = [{name: one.digest for name, one in (run.inputs or {}).items()} for run in self._both]
        by_content = self.are_inputs_known and digests[0] == digests[1]
        values = _rows(*(dict(leaves(in_one_value(run.config))) for run in self._both))
        return choices + [
            row
            for row in values
            if row.name not in inputs
            and row.name.partition(".")[0] not in BOOKKEEPING
            # another option has another class, which says nothing new
            and not (row.name.endswith(_TARGET) and row.name.partition(".")[0] in changed)
            and not self._is_gained(row)
            and all(tells_apart(run.config, row.name, by_content) for run in self._both)
        ]

    @property
    def are_settings_known(self) -> bool:
        """Whether both runs have a config; one that Python has saved need not have one."""
        return all(run.config for run in self._both)

    @property
    def inputs(self) -> list[Row]:
        """Files whose content differs, or whose path, as `Input`."""
        return _rows(*(run.inputs or {} for run in self._both))

    @property
    def are_inputs_known(self) -> bool:
        """Whether both runs have kept what their inputs were."""
        return all(run.inputs is not None for run in self._both)

    @property
    def code(self) -> list[Row]:
        """The commit of the code, and whether it was changed after that."""
        return self._provenance(_CODE)

    @property
    def is_code_uncertain(self) -> bool:
        """Whether both had changes after one commit, which need not be the same."""
        return not self.code and self.first.provenance.get("git_dirty") == "true"

    @property
    def versions(self) -> list[Row]:
        """Versions of Python and of the packages whose version can change a number."""
        names = {name for run in self._both for name in run.provenance if name.startswith(_VERSION)}
        return [Row(r.name.removeprefix(_VERSION), r.first, r.second) for r in self._provenance(sorted(names))]

    @property
    def machine(self) -> list[Row]:
        """Where they were computed."""
        return self._provenance(_MACHINE)

    @property
    def obstacle(self) -> str | None:
        """Why the displacements cannot be subtracted; None if they can."""
        first, second = self._displacements
        if first.GetDimension() != second.GetDimension():
            return f"one run is {first.GetDimension()}-D, the other {second.GetDimension()}-D"
        grids = [(i.GetSize(), i.GetSpacing(), i.GetOrigin(), i.GetDirection()) for i in (first, second)]
        if all(np.allclose(a, b, rtol=0, atol=_SAME_GRID) for a, b in zip(*grids, strict=True)):
            return None
        return f"their fixed grids differ, {_grid(*grids[0][:3])} and {_grid(*grids[1][:3])}"

    @property
    def deformation(self) -> Distance:
        """The distance of the fields, without the linear initialisation; only where there is no `obstacle`."""
        return Distance.between(self.first.field, self.second.field)

    @property
    def displacement(self) -> Distance:
        """The distance of the whole transforms, initialisation included; only where there is no `obstacle`."""
        first, second = self._displacements
        to_voxels = np.linalg.inv(geometry.index_to_physical(first))
        return Distance.between(geometry.array(first), geometry.array(second), to_voxels)

    def metrics(self, per_label: bool = False) -> list[MetricRow]:
        """Return the final metrics, also those that are the same, in the order of the catalogue; or those of labels."""
        found = []
        for name in dict.fromkeys(name for run in self._both for name in run.metrics):
            metric, stage = find(name), name.partition("/")[0]
            label = name.removeprefix(f"{USED}/").partition("/")[2]
            if metric is not None and stage not in STAGES and bool(label) == per_label:
                found.append(MetricRow(metric, label, *(run.metrics.get(name) for run in self._both)))
        order = all_columns()
        return sorted(found, key=lambda row: (order.index(row.metric), row.label))

    @cached_property
    def _displacements(self) -> "tuple[sitk.Image, sitk.Image]":
        return self.first.image("displacement"), self.second.image("displacement")

    @property
    def _both(self) -> tuple[Run, Run]:
        return self.first, self.second

    def _is_gained(self, row: Row) -> bool:
        """Return whether one run lacks a setting that its option has gained since, and the other does as it did."""
        values = (row.first, row.second)
        return any(
            lacks is None and str(has) == before(run.config, row.name)
            for run, lacks, has in zip(self._both, values, reversed(values), strict=True)
        )

    def _provenance(self, names: Iterable[str]) -> list[Row]:
        return _rows(*({name: run.provenance.get(name) for name in names} for run in self._both))


def _rows(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Row]:
    """Return the entries that differ, in the order of the first; 1 and 1.0 are the same setting, `null` is none."""
    names = dict.fromkeys([*first, *second])
    rows = [Row(name, plain(first.get(name)), plain(second.get(name))) for name in names]
    return [row for row in rows if row.first != row.second]


def _is_science(run: Run, group: str) -> bool:
    """Return whether a group is part of the method. A preset or a study is not: it stands for what it has chosen."""
    return group in run.config and group not in BOOKKEEPING


def _grid(size: Iterable[int], spacing: Iterable[float], origin: Iterable[float]) -> str:
    """Return a grid in words: `214 x 192 of 1.5 x 1.5 mm at (0, 0)`."""
    sizes, steps, start = (" x ".join(f"{value:.6g}" for value in values) for values in (size, spacing, origin))
    return f"{sizes} of {steps} mm at ({start.replace(' x ', ', ')})"
