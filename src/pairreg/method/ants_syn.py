"""ANTs, by antspyx."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from pairreg.method.worker import Settings, WorkerMethod, with_whole_paths


@final
@dataclass(frozen=True, kw_only=True)
class AntsSyN(WorkerMethod):
    """Symmetric normalisation of ANTs (antspyx), with its own affine registration before it.

    **Arguments:** `type_of_transform`: any that `ants.registration` knows, such as `SyN`, `SyNCC`, `SyNRA` or
    `Affine`; `arguments`: others of that function by name, such as `{grad_step: 0.1}`, also paths of files. The others
    as of `WorkerMethod`. ANTs uses masks in its last stage only, unless `arguments` has `{mask_all_stages: true}`.

    Source: Avants et al., Medical Image Analysis 12:26 (2008).
    """

    type_of_transform: str = "SyN"
    arguments: Settings = None

    script: ClassVar[str] = "ants_registration.py"
    package: ClassVar[str] = "antspyx"
    format: ClassVar[str] = "ants"

    def settings(self) -> dict[str, Any]:
        others = {name: with_whole_paths(value) for name, value in (self.arguments or {}).items()}
        return {"arguments": {"type_of_transform": self.type_of_transform, **others}}
