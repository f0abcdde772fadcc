"""What may be a name: of a label, a channel, a case, a pair or a study. Text in any script, unless it breaks a file.

Each check raises `InputError`; the message begins with `what`, such as `label_names` or `study`.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from pairreg.errors import InputError

LONGEST = 200  # bytes in UTF-8: a file name has at most 255, with what is put before and behind
# What files of a run folder, groups in HDF5 and the settings of a term call what is no channel.
RESERVED = ("image", "labels", "landmarks", "mask", "fixed", "moving", "fixed_labels", "moving_labels")
OF_MLFLOW = ("mlflow.db", "mlartifacts")  # lie beside the folders of studies
TERM_GROUPS = ("similarity", "regularizer")  # of the config: several options at once, each under its own key
UNSEEN = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of UTF-16, line and paragraph ends


def check_text(name: str, what: str) -> None:
    """A name that is shown: not empty, and of characters that a terminal, a page and a file can hold."""
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"{what} has the name {name!r}; give a name in letters.")
    unseen = [character for character in name if unicodedata.category(character) in UNSEEN]
    if unseen:
        raise InputError(f"{what} has the name {name!r}, with the control character {unseen[0]!r}; leave that out.")


def check_file_name(name: str, what: str) -> None:
    """A name that is also part of the name of a file or folder."""
    check_text(name, what)
    if re.search(r"[/\\]", name) or not name.strip("."):
        raise InputError(f"{what} has the name {name!r}, which is a path; leave out '/', '\\' and a name of dots only.")
    if len(name.encode()) > LONGEST:
        raise InputError(f"{what} has a name of {len(name.encode())} bytes ({name[:20]}…); give at most {LONGEST}.")


def check_channel(name: str, what: str = "channels") -> None:
    """A channel: `warped_<name>.nii.gz` is its file in a run folder."""
    check_file_name(name, what)
    if name.casefold() in RESERVED:
        raise InputError(f"{what} has the name {name!r}, which means something else in a run; give another name.")


def check_case(name: str, what: str) -> None:
    """A case: a group in HDF5, and an override on the command line."""
    check_file_name(name, what)
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise InputError(f"{what} has the name {name!r}; use letters, digits, '_', '-' and '.' only.")


def check_study(name: str) -> None:
    """A study: its folder, and its experiment in MLflow."""
    check_file_name(name, "study")
    if name.startswith(".") or name in OF_MLFLOW:
        raise InputError(f"study has the name {name!r}, which is kept for other files; give another name.")


def check_label_names(names: Mapping[int, str], what: str = "label_names") -> None:
    """Names of label values: each its own, as results are kept by name; and no number of another label."""
    first: dict[str, int] = {}
    for value, name in names.items():
        check_text(name, what)
        if name in first:
            raise InputError(f"{what} calls both {first[name]} and {value} {name!r}; give each label its own name.")
        if name.isdecimal() and int(name) != value:
            raise InputError(f"{what} calls {value} {name!r}, the number of another label; give it a name in letters.")
        first[name] = value


def named_term(text: str) -> tuple[str, str]:
    """The key and the option of a term: `("pet", "ncc")` of `pet:ncc`, `("ncc", "ncc")` of `ncc`."""
    key, colon, option = text.rpartition(":")
    if not colon:
        return option, option
    if not key.isidentifier():
        raise InputError(f"{text} gives the name {key!r} to a term; use letters, digits and '_', letters first.")
    return key, option


def check_distinct_terms(terms: Sequence[str]) -> None:
    """The terms of a group, such as `["ncc", "pet:ncc"]`: a name is that of one term, by which settings are given.

    An option may stand there again without a name, as a variant of it does.
    """
    keys = [named_term(term)[0] for term in terms]
    for key in [named_term(term)[0] for term in terms if ":" in term]:
        if keys.count(key) > 1:
            raise InputError(f"Two terms are called {key!r}; give one of them another name, such as other:{key}.")
