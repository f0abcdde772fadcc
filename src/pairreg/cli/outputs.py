"""Where a command may write: never over something that it reads, or that is not of its own kind."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pairreg.errors import InputError
from pairreg.files import expanded, is_there, target
from pairreg.runs.folder import is_file_of_run

FORCE = "--force"


def output_file(
    path: str | Path, inputs: Iterable[str | Path], endings: Sequence[str] = (), force: bool = False
) -> Path:
    """Return `path` as a file to write to; raises `InputError` otherwise.

    Without `force` it is none of the `inputs` of the command, under whatever name, no file of a run, and its name ends
    in one of `endings`, if there are any: a name that ends otherwise may be that of something else.
    """
    path = target(path)
    if force:
        return path
    advice = f"give another name, or {FORCE} to replace it"
    if any(_is_in(path, expanded(one)) for one in inputs):
        raise InputError(f"{path} is an input of this command; {advice}.")
    if path.exists() and is_file_of_run(path):
        raise InputError(f"{path} is a file of a run; {advice}.")
    if endings and not path.name.lower().endswith(tuple(endings)):
        raise InputError(f"{path} does not end in {' or '.join(endings)}; {advice.replace('replace', 'write')}.")
    return path


def new_files(folder: Path, names: Iterable[str]) -> None:
    """Raise `InputError` if a folder that a user has named holds a file of one of `names`, perhaps of other origin."""
    for path in (folder / name for name in names):
        if path.exists():
            raise InputError(f"{path} is there already; give another folder, or {FORCE} to replace it.")


def _is_in(path: Path, other: Path) -> bool:
    """Return whether both are one file, or `path` is a file in the folder `other`."""
    if not is_there(path) or not is_there(other):
        return False
    return other.resolve() in path.resolve().parents if other.is_dir() else path.samefile(other)
