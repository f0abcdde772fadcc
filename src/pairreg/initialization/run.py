"""The transform of a finished run as initialisation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, final

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.files import existing
from pairreg.initialization.base import Initialization
from pairreg.markers import ContentOf
from pairreg.pair.pair import Pair
from pairreg.runs.transform import RunTransform


def _transform_of(settings: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield what of a run folder is an input: its transform, and neither its log nor the time that it took."""
    run = RunTransform.read(existing(settings["path"])).run
    yield run.transform_file.read_bytes()


@final
@dataclass(frozen=True, kw_only=True)
class FromRun(Initialization):
    """Begins with the whole transform of a finished run, which another optimisation goes on from.

    **Arguments:** `path`: of the run folder.
    """

    path: Annotated[str | Path, ContentOf(_transform_of)]

    def __call__(self, pair: Pair) -> sitk.Transform:
        found = RunTransform.read(existing(self.path))
        if found.ndim != pair.ndim:
            raise InputError(f"{self.path} is the run of a {found.ndim}-D pair, and {pair.name!r} is {pair.ndim}-D.")
        return found.transform
