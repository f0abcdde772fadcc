"""Any program that registers two images."""

import os
import re
import shlex
import shutil
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, final

import SimpleITK as sitk
from pydantic import AfterValidator

from pairreg.errors import InputError, MethodError
from pairreg.image_files import write_image
from pairreg.markers import FilesOf
from pairreg.method.base import COMPANIONS, MASKS, Found, ImageMethod
from pairreg.method.program import scratch
from pairreg.transform_files.read import read_transform

_ROLES = ("fixed", "moving", *COMPANIONS)
_NUMBERS = ("threads", "seed")
_KNOWN = (*_ROLES, "output", *_NUMBERS)
_WRITTEN = re.compile(r"\d?>{1,2}\s*\S+")  # what a shell writes to
_BETWEEN = re.compile(r"[\s=,;:|&<>()\[\]'\"]+")  # what may stand around a path in a word


def _placeholders(text: str) -> set[str]:
    """Return the names in braces, as `str.format` finds them; raises `ValueError` unless all are known and bare."""
    fields = [field for _, *field in string.Formatter().parse(text) if field[0] is not None]
    if any(name not in _KNOWN or spec or conversion for name, spec, conversion in fields):
        known = " ".join(f"{{{name}}}" for name in _KNOWN)
        raise ValueError(f"with no other placeholders than {known}; {{{{ and }}}} are braces")
    return {str(name) for name, _, _ in fields}


def _in_any(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in _placeholders(text)}


def _command_line(text: str) -> str:
    try:
        words = shlex.split(text)
        if not words or _placeholders(words[0]):
            raise ValueError("which begins with a program")
        _in_any(words)
    except ValueError as error:
        raise ValueError(f"a command line ({error})") from None
    return text


def _file_name(text: str) -> str:
    try:
        _placeholders(text)
    except ValueError as error:
        raise ValueError(f"the name of a file ({error})") from None
    return text


def files_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what counts of a command line that names files: their content, and the rest of the text.

    Those are the files with whole paths, and the program if it is a script that is given by a path; a file that is
    the `result` is none of them. Nothing if there are none.
    """
    text, result = settings["command"], settings.get("result", ())
    found = [path for path in _files_in(text) if path not in ([result] if isinstance(result, str) else result)]
    for path in sorted(found, key=len, reverse=True):
        text = text.replace(path, "\0")
    return {"command": text, **{str(i): Path(path) for i, path in enumerate(found)}} if found else {}


def _files_in(text: str) -> list[str]:
    program, *words = _words_of(text) or [""]
    scripts = [program] if os.sep in program and _is_script(program) else []
    return scripts + [path for word in words for path in _paths_in(word)]


def _paths_in(word: str) -> list[str]:
    """Return the whole paths of files in a word, which may be a command line in turn, as after `sh -c`.

    What that writes to, such as the log of all runs in `>> /home/me/log`, is no input.
    """
    if _is_whole_path(word):
        return [word]
    words = _words_of(_WRITTEN.sub(" ", word))
    if len(words) > 1:
        return [path for one in words for path in _paths_in(one)]
    return [path for path in _BETWEEN.split(word) if _is_whole_path(path)]


def _words_of(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quotation that is not closed
        return [text]


def _is_whole_path(text: str) -> bool:
    return os.path.isabs(text) and os.path.isfile(text)


def _is_script(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


CommandLine = Annotated[str, AfterValidator(_command_line), FilesOf(files_of)]
FileName = Annotated[str, AfterValidator(_file_name)]


@final
@dataclass(frozen=True, kw_only=True)
class Command(ImageMethod):
    """Any program, which is given images as files and leaves a transform.

    **Arguments:**

    - `command`: the command line, in which `{fixed}`, `{moving}`, `{fixed_labels}`, `{moving_labels}`, `{fixed_mask}`
      and `{moving_mask}` are files (`.nii.gz`), `{output}` is the beginning of the names of what it leaves, in a folder
      that is removed afterwards, and `{threads}` and `{seed}` are numbers. It is not read by a shell. It runs in that
      folder, so paths in it are absolute, but for that of the program, which is looked for from the working folder.
      Files that it names, such as a script, are inputs of the run: it is another one once they have changed. What it
      writes is named by `{output}`, or stands behind `>` in a line for a shell.
    - `result`: the file of the transform, or several in the order of `antsApplyTransforms`, such as
      `["{output}1Warp.nii.gz", "{output}0GenericAffine.mat"]`; a relative path is one in that folder.
    - `format`: of the transform, one of `pairreg.transform_files.read.FORMATS`; None: told from the file.

    The others as of `ImageMethod`. Masks of the pair that the command line does not name are not used, which a warning
    says. `experiments/method` has it for greedy and NiftyReg.
    """

    command: CommandLine
    result: FileName | list[FileName] = "{output}.nii.gz"
    format: str | None = None

    def problem(self) -> str | None:
        lacking = (_in_any(self._files()) & {*_ROLES}) - _in_any(self._words())
        if lacking:
            return f"result has {{{min(lacking)}}}, which command does not have; name what is left by {{output}}."
        return None

    @property
    def numbers(self) -> frozenset[str]:
        return frozenset(_in_any([*self._words(), *self._files()]) & {*_NUMBERS})

    @property
    def masks(self) -> frozenset[str]:
        return frozenset(_in_any(self._words()) & {*MASKS})

    def check_available(self) -> None:
        self._program()

    def find(self, images: Mapping[str, sitk.Image], threads: int, seed: int) -> Found:
        with scratch() as place:
            folder = place.folder
            values: dict[str, object] = {"output": folder / "output", "threads": threads, "seed": seed}
            words = self._words()[1:]
            for role in sorted(_in_any(words) & {*_ROLES}):
                if role not in images:
                    raise InputError(f"method.command has {{{role}}}, which the pair does not have.")
                values[role] = folder / f"{role}.nii.gz"
                write_image(images[role], folder / f"{role}.nii.gz")
            took = place.run([self._program(), *(word.format(**values) for word in words)], {})
            files = [folder / name.format(**values) for name in self._files()]
            missing = next((file for file in files if not file.exists()), None)
            if missing is not None:
                left = sorted(path.name for path in folder.iterdir() if path.name.startswith("output"))
                raise MethodError(f"the command has not left {missing.name}; it left {', '.join(left) or 'nothing'}.")
            transform = read_transform(files, images["fixed"], images["moving"], self.format)
        return Found(transform, took.seconds, peak_memory_mb=took.peak_memory_mb)

    def _words(self) -> list[str]:
        return shlex.split(self.command)

    def _files(self) -> list[str]:
        return [self.result] if isinstance(self.result, str) else self.result

    def _program(self) -> str:
        """Return the path of the program that is found from here, as it is started in another folder."""
        program = self._words()[0].format()
        found = shutil.which(program)
        if found is None:
            raise InputError(f"method.command: there is no program {program!r}; install it, or give its whole path.")
        return os.path.abspath(found)
