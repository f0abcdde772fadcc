"""Methods that are libraries of others, which work in a process, and if need be an environment, of their own.

Libraries such as antspyx want older versions of NumPy and SciPy than TensorFlow comes with; a process of its own also
has its own threads, memory and crashes.
"""

import json
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.files import expanded, named_file
from pairreg.image_files import write_image
from pairreg.markers import Bookkeeping, NamesFiles
from pairreg.method.base import Found, ImageMethod
from pairreg.method.program import scratch
from pairreg.transform_files.read import read_transform
from pairreg.validation import Plain

Settings = Annotated[Mapping[str, Plain | list[Plain]] | None, NamesFiles()]  # of the library
_WORKERS = Path(__file__).with_name("workers")
_VERSIONS = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def versions(interpreter: str, packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages, as pip calls them, that an interpreter has.

    Raises `InputError` if it cannot be started.
    """
    try:
        asked = subprocess.run([interpreter, "-c", _VERSIONS, *packages], capture_output=True, text=True)
    except OSError as error:
        raise InputError(f"method.python: {interpreter} cannot be started ({error.strerror}).") from None
    found: dict[str, str] = {} if asked.returncode else json.loads(asked.stdout)
    return found


def how_to_have(interpreter: str, packages: Iterable[str]) -> str:
    """Return how packages are installed that an interpreter lacks: beside TensorFlow most of them do not fit."""
    wanted = " ".join(packages)
    if interpreter != sys.executable:
        return f"{interpreter} -m pip install {wanted}"
    return f"python -m venv peers && peers/bin/pip install {wanted}, and export PAIRREG_PEERS=peers/bin/python"


def with_whole_paths(value: Any) -> Any:
    """Return a setting, or a list, in which files have their whole paths, as the script runs in another folder."""
    if isinstance(value, list | tuple):
        return [with_whole_paths(one) for one in value]
    file = named_file(value)
    return value if file is None else str(file)


@dataclass(frozen=True, kw_only=True)
class WorkerMethod(ImageMethod, ABC):
    """A method that a script in `workers` does with a library of others.

    **Arguments:** `python`: the interpreter of an environment that has the library, on the command line that of the
    environment variable `PAIRREG_PEERS`; None: this one. The others as of `ImageMethod`. Masks of the pair are used.
    """

    python: Annotated[str | None, Bookkeeping()] = None

    script: ClassVar[str]
    package: ClassVar[str]  # the library, as pip calls it
    format: ClassVar[str]  # of the transforms that it leaves

    @property
    def numbers(self) -> frozenset[str]:
        return frozenset({"threads", "seed"})

    @property
    def interpreter(self) -> str:
        """The Python that has the library: a name, or a path that holds in any folder, as it is started in another."""
        if self.python is None:
            return sys.executable
        path = expanded(self.python)
        return str(path.absolute() if len(path.parts) > 1 else path)

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return what the script is asked for besides the images, as JSON takes it."""

    def check_available(self) -> None:
        if self.package not in versions(self.interpreter, [self.package]):
            also = " (pip install 'pairreg[peers]' where its NumPy fits)" if self.interpreter == sys.executable else ""
            raise InputError(
                f"method needs {self.package}, which {self.interpreter} does not have: "
                f"{how_to_have(self.interpreter, [self.package])}{also}."
            )

    def find(self, images: Mapping[str, sitk.Image], threads: int, seed: int) -> Found:
        with scratch() as place:
            folder = place.folder
            asked = folder / "asked.json"
            # MetaImage keeps any grid in double precision, in 2-D, too.
            files = {role: str(folder / f"{role}.mha") for role in images if not role.endswith("labels")}
            for role, path in files.items():
                image = images[role]
                write_image(sitk.Cast(image > 0, sitk.sitkUInt8) if role.endswith("mask") else image, Path(path))
            wanted = {**files, "folder": str(folder), "seed": seed, **self.settings()}
            asked.write_text(json.dumps(wanted), encoding="utf-8")
            # antspyx 0.6 does nothing with its argument for the seed; with one thread it repeats itself to the bit.
            given = {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": str(threads), "ANTS_RANDOM_SEED": str(seed + 1)}
            took = place.run([self.interpreter, str(_WORKERS / self.script), str(asked)], given)
            answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
            transform = read_transform(answer["files"], images["fixed"], images["moving"], self.format)
            seconds = answer["seconds"]
        return Found(transform, seconds, took.seconds - seconds, took.peak_memory_mb, answer["programs"])
