"""Any program that registers two images."""

import shlex
import shutil
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, final

import SimpleITK as sitk
from pydantic import AfterValidator

from pairreg.errors import InputError, MethodError
from pairreg.image_files import write_image
from pairreg.method.base import COMPANIONS, Found, ImageMethod
from pairreg.method.program import scratch
from pairreg.transform_files.read import read_transform

_ROLES = ("fixed", "moving", *COMPANIONS)
_KNOWN = (*_ROLES, "output", "threads", "seed")


def _template(text: str) -> str:
    try:
        named = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"a command line ({error})") from None
    unknown = [name for name in named if name not in _KNOWN]
    if unknown or not words:
        known = " ".join(f"{{{name}}}" for name in _KNOWN)
        raise ValueError(f"a command line with no other placeholders than {known} ({{{{ and }}}} are braces)")
    return text


Template = Annotated[str, AfterValidator(_template)]


@final
@dataclass(frozen=True, kw_only=True)
class Command(ImageMethod):
    """Any program, which is given images as files and leaves a transform.

    **Arguments:**

    - `command`: the command line, in which `{fixed}`, `{moving}`, `{fixed_labels}`, `{moving_labels}`, `{fixed_mask}`
      and `{moving_mask}` are files (`.nii.gz`), `{output}` is the beginning of the names of what it leaves, in a folder
      that is removed afterwards, and `{threads}` and `{seed}` are numbers. It is not read by a shell.
    - `result`: the file of the transform, or several in the order of `antsApplyTransforms`, such as
      `["{output}1Warp.nii.gz", "{output}0GenericAffine.mat"]`.
    - `format`: of the transform, one of `pairreg.transform_files.read.FORMATS`; None: told from the file.

    The others as of `ImageMethod`. `experiments/method` has it for greedy and NiftyReg.
    """

    command: Template
    result: Template | list[Template] = "{output}.nii.gz"
    format: str | None = None

    @property
    def numbers(self) -> frozenset[str]:
        return frozenset(name for name in ("threads", "seed") if f"{{{name}}}" in self.command)

    def check_available(self) -> None:
        program = shlex.split(self.command)[0]
        if shutil.which(program) is None:
            raise InputError(f"method.command: there is no program {program!r}; install it, or give its whole path.")

    def find(self, images: Mapping[str, sitk.Image], threads: int, seed: int) -> Found:
        with scratch() as place:
            folder = place.folder
            values: dict[str, object] = {"output": folder / "output", "threads": threads, "seed": seed}
            for role in _ROLES:
                if f"{{{role}}}" not in self.command:
                    continue
                if role not in images:
                    raise InputError(f"method.command has {{{role}}}, which the pair does not have.")
                values[role] = folder / f"{role}.nii.gz"
                write_image(images[role], folder / f"{role}.nii.gz")
            took = place.run([word.format(**values) for word in shlex.split(self.command)], {})
            listed = [self.result] if isinstance(self.result, str) else self.result
            files = [Path(name.format(**values)) for name in listed]
            missing = next((file for file in files if not file.exists()), None)
            if missing is not None:
                left = sorted(path.name for path in folder.iterdir() if path.name.startswith("output"))
                raise MethodError(f"the command has not left {missing.name}; it left {', '.join(left) or 'nothing'}.")
            transform = read_transform(files, images["fixed"], images["moving"], self.format)
        return Found(transform, took.seconds, peak_memory_mb=took.peak_memory_mb)
