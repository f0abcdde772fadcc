"""Many pairs in one HDF5 file, a group per case: `pairreg-pack` writes it, `pair=hdf5` reads one case of it."""

import errno
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import h5py
import numpy as np

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.files import existing, replacing
from pairreg.hdf5_files import writing_hdf5
from pairreg.markers import Cases, ContentOf
from pairreg.pair.cases import matching, only
from pairreg.pair.hdf5_case import GRID, NOTES, members_of, read_pair, values_of
from pairreg.pair.pair import Pair
from pairreg.pair.parts import CHANNELS, EVALUATED, EVALUATION, IMAGES, POINTS
from pairreg.validation import Text

FORMAT = 1  # changes when an older pairreg could not read the file


def cases(file: str | Path, pattern: str = "*") -> list[str]:
    """Names of the cases in `file` that `pattern` matches (`*`, `?`, `[...]` as in a shell), sorted.

    A pattern that is itself the name of a case means that case only.

    Raises `InputError`, with the known cases, if there is none.
    """
    with opened(file) as content:
        return matching(sorted(content), pattern, str(file))


def cases_of(settings: Mapping[str, Any]) -> list[str]:
    """The names of the cases that these settings of `load_case` match."""
    return cases(settings["file"], settings.get("case", "*"))


def learn2reg_cases_of(settings: Mapping[str, Any]) -> list[str]:
    """The names of those among them that were packed from a data set of Learn2Reg, which its evaluator measures."""
    file = settings["file"]
    names = cases_of(settings)
    with opened(file) as content:
        return [name for name in names if EVALUATION in members_of(members_of(content, str(file))[name], str(file))]


def case_chunks(settings: Mapping[str, Any]) -> Iterator[bytes]:
    """The content of the cases that these settings of `load_case` name: arrays, grids and label names, not their names.

    Compression does not count: the same case packed again has the same content.
    """
    file = settings["file"]
    with opened(file) as content:
        members = members_of(content, str(file))
        for name in cases_of(settings):
            yield from _chunks(members[name], f"{file}, case {name}")


def _chunks(node: h5py.Group | h5py.Dataset, where: str) -> Iterator[bytes]:
    for key in sorted(set(node.attrs) - {NOTES}):
        yield f"{key}={np.asarray(node.attrs[key]).tolist()};".encode()
    if isinstance(node, h5py.Dataset):
        yield f"{node.dtype}{node.shape}".encode()
        yield np.ascontiguousarray(values_of(node, where)).tobytes()
        return
    for name, member in sorted(members_of(node, where).items()):
        yield f"/{name}:".encode()
        yield from _chunks(member, f"{where}, {name}")


def load_case(
    file: Annotated[str | Path, ContentOf(case_chunks)], case: Annotated[Text, Cases(cases_of)] = "*"
) -> Pair:
    """The pair of one case of an HDF5 file that `pairreg-pack` wrote, equal to that of `load_pair` from its files.

    Nothing of other cases is read.

    Raises `InputError` if `case` is a pattern that matches several.
    """
    name = only(cases(file, case), case, str(file))
    with opened(file) as content:
        try:
            return read_pair(members_of(content, str(file))[name], name, str(existing(file)))
        except (OSError, RuntimeError) as error:
            raise InputError(f"{file}: the case {name!r} cannot be read ({error}); pack it again.") from error


@contextmanager
def opened(file: str | Path) -> Iterator[h5py.File]:
    path = existing(file)
    try:
        content = h5py.File(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read as HDF5 ({error}); give a file of pairreg-pack.") from error
    with content:
        version = content.attrs.get("pairreg_format")
        if not np.array_equal(version, FORMAT):
            raise InputError(f"{path} has the pairreg_format {version}, not {FORMAT}; write it by pairreg-pack.")
        yield content


@contextmanager
def writing(path: Path) -> Iterator[h5py.File]:
    """A file for `write_pair`, a group per case; it takes the place of `path` at the end, whole or not at all."""
    with replacing(path) as part:
        with writing_hdf5(part) as file:
            file.attrs["pairreg_format"] = FORMAT
            yield file
        _read_through(part, path)


def _read_through(part: Path, path: Path) -> None:
    """Read all that was written, whose checksums HDF5 compares; raises `OSError` with `path` if it is not whole."""
    try:
        with h5py.File(part) as file:
            file.visititems(lambda _, node: node[()] if isinstance(node, h5py.Dataset) else None)
    except OSError as error:
        raise OSError(errno.EIO, "what was written cannot be read back", str(path)) from error


def write_pair(group: h5py.Group, pair: Pair) -> None:
    """Everything but the name, which is that of the group."""
    images = {name: getattr(pair, name) for name in (*IMAGES, EVALUATION, *EVALUATED)}
    images |= {f"{role}/{name}": image for role in CHANNELS for name, image in getattr(pair, role).items()}
    for name, image in images.items():
        if image is not None:
            dataset = group.create_dataset(
                name, data=geometry.array(image), compression="gzip", shuffle=True, fletcher32=True
            )
            dataset.attrs.update({key: getattr(image, f"Get{key}")() for key in GRID})
    for name in POINTS:
        if getattr(pair, name) is not None:
            group[name] = getattr(pair, name)
    group.attrs["label_names"] = json.dumps(pair.label_names)
    group.attrs[NOTES] = json.dumps({role: [note.repairs, note.warnings] for role, note in pair.inputs.items()})
