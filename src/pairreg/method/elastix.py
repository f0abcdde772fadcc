"""elastix, by itk-elastix."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, final

from pairreg.files import existing
from pairreg.method.worker import Settings, WorkerMethod, with_whole_paths


@final
@dataclass(frozen=True, kw_only=True)
class Elastix(WorkerMethod):
    """elastix (itk-elastix) with its default parameter maps, or with the user's own parameter files.

    **Arguments:**

    - `maps`: names of default maps, one after the other: `translation`, `rigid`, `affine`, `bspline`, `spline`.
    - `parameter_files`: text files of elastix that stand in place of `maps`; None: none.
    - `parameters`: values that replace those of every map, such as `{NumberOfResolutions: 3}`.

    The others as of `WorkerMethod`.

    Source: Klein et al., IEEE TMI 29:196 (2010).
    """

    maps: list[str] | tuple[str, ...] = ("translation", "affine", "bspline")
    parameter_files: list[str | Path] | None = None
    parameters: Settings = None

    script: ClassVar[str] = "elastix_registration.py"
    package: ClassVar[str] = "itk-elastix"
    format: ClassVar[str] = "elastix"

    def settings(self) -> dict[str, Any]:
        files = [str(existing(path).absolute()) for path in self.parameter_files or ()]
        values = {name: _texts(with_whole_paths(value)) for name, value in (self.parameters or {}).items()}
        return {"maps": [] if files else list(self.maps), "parameter_files": files, "parameters": values}


def _texts(value: Any) -> list[str]:
    """Return a value as elastix writes it: a list of texts, true and false in lower case."""
    listed = value if isinstance(value, list | tuple) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in listed]
