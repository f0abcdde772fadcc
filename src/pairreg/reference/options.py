"""The options of every group: ours, variants of them, presets and studies, and those in a folder of the user's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from pairreg import option_files, validation
from pairreg.errors import InputError
from pairreg.reference.commented_yaml import CommentedYaml, Value
from pairreg.reference.docstrings import Docstring, docstring
from pairreg.reference.words import Words, words

NEEDED = "???"  # in place of a default, in a file of options
_TARGET = "_target_"
_HYDRA = "hydra"
_SWEPT = ("hydra.sweeper.params.", "hydra.sweeper.space.")  # where a study has the values that it compares or searches


@dataclass(frozen=True)
class Setting:
    """A setting of an option: its `default` as the option file has it, what it may be, and what it means."""

    key: str
    default: str
    words: Words
    meaning: str


@dataclass(frozen=True)
class Part:
    """What an option file describes: a class or function, `target`, and its settings.

    `where` is what stands before a setting on a command line: `transform`, or `similarity.ncc` for a term.
    """

    where: str
    target: str
    values: tuple[Value, ...]

    @property
    def docstring(self) -> Docstring:
        """What the code says of it."""
        return docstring(self.target)

    def settings(self, trusted: Iterable[str] = ()) -> list[Setting]:
        """Return the settings. What they may be is left open for code that is not ours and not in `trusted` modules."""
        hints = self._hints(tuple(trusted))
        return [
            Setting(v.key, v.text, words(hints[v.key]) if v.key in hints else Words(""), v.comment) for v in self.values
        ]

    def is_known(self, trusted: Iterable[str] = ()) -> bool:
        """Return whether the code may be imported to see what its settings may be."""
        group = self.where.partition(".")[0]
        return self.target in option_files.targets(group) or any(self.target.startswith(f"{m}.") for m in trusted)

    def _hints(self, trusted: tuple[str, ...]) -> Mapping[str, object]:
        return option_files.constructor_hints(self.target, self.where, trusted) if self.is_known(trusted) else {}


@dataclass(frozen=True)
class Option:
    """The option `name` of a group, in the file `path`. It describes `parts`, or chooses among other options."""

    group: str
    name: str
    path: Path

    @cached_property
    def file(self) -> CommentedYaml:
        """What the file says; raises `InputError` if it cannot be read."""
        return CommentedYaml.read(self.path)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What the file describes; nothing for a variant, a preset or a study, which only choose."""
        keys = [
            value.key.removesuffix(_TARGET) for value in self.file.values if value.key.rpartition(".")[2] == _TARGET
        ]
        # a node within a setting (a schedule of Keras) is that setting's value
        own = [key for key in keys if not any(key != other and key.startswith(other) for other in keys)]
        return tuple(
            Part(
                f"{self.group}.{key}".rstrip("."),
                self.file[f"{key}{_TARGET}"].strip("'\""),
                tuple(
                    Value(v.key.removeprefix(key), v.text, v.comment)
                    for v in self.file.values
                    if v.key.startswith(key) and v.key != f"{key}{_TARGET}"
                ),
            )
            for key in own
        )

    @property
    def summary(self) -> str:
        """One line: what the code says of an option, the question that a choice of options answers."""
        try:
            said = self.parts[0].docstring.summary if self.parts else self.remarks.get("Question", "")
            said = said or next((line for line in self.file.head if line and not line.startswith("@")), "")
        except InputError as error:  # of one broken file of the user's: the others can be listed
            return str(error)
        return said[:1].upper() + said[1:]

    @property
    def remarks(self) -> dict[str, str]:
        """What the head of the file says under `Question`, `Command`, `Minutes` and `Outcome`."""
        found: dict[str, str] = {}
        for line in self.file.head:
            word, is_begun, text = line.partition(":")
            if is_begun and word.isalpha():
                found[word] = text.strip()
            elif line.startswith(" ") and found:
                found[list(found)[-1]] += f" {line.strip()}"
        return found

    @property
    def choices(self) -> list[str]:
        """What a variant, a preset or a study chooses, as on a command line; values that it compares by commas."""
        values = self.file.values
        is_global = "@package _global_" in self.file.head
        named = [v for v in values if v.key.split(".")[0] == "defaults" and _HYDRA not in v.key and v.text != "_self_"]
        bases = [v.text for v in named if v.key == "defaults"]
        if len(bases) > 1 or (bases and self.group in option_files.TERM_GROUPS):
            bases = [f"[{','.join(bases)}]"]
        prefix = "" if is_global else f"{self.group}."
        return [
            *(f"{self.group}={base}" for base in bases),
            *(f"{v.key.rpartition('/')[2]}={v.text.replace(' ', '')}" for v in named if v.key != "defaults"),
            *(f"{prefix}{v.key}={v.text}" for v in values if v.key.split(".")[0] not in ("defaults", _HYDRA)),
            *(f"{v.key.removeprefix(where)}={v.text}" for where in _SWEPT for v in values if v.key.startswith(where)),
        ]


@dataclass(frozen=True)
class Group:
    """A config group with its options; `meaning` and `default` are from `conf/config.yaml`."""

    name: str
    meaning: str
    default: str
    options: tuple[Option, ...]

    def option(self, name: str) -> Option:
        """Return an option by its name; raises `InputError` for one that does not exist."""
        known = {option.name: option for option in self.options}
        return known[validation.one_of(f"{self.name} option", name, known)]

    def is_default(self, option: Option) -> bool:
        """Return whether `pairreg` takes the option if nothing is asked for."""
        return option.name in self.default.strip("[]").replace(" ", "").split(",")


def groups(folder: Path | None = None) -> dict[str, Group]:
    """Return all groups by name, in the order of a run; with those in a `folder` of the user's, which come last.

    Raises `InputError` if the folder does not exist.
    """
    if folder is not None and not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder; give one with option files, such as similarity/my_loss.yaml in it."
        )
    folders = [option_files.conf_folder(), option_files.experiments_folder(), *([folder] if folder else [])]
    files = [path for one in folders for path in sorted(one.glob("*/*.yaml")) if path.parent.name != _HYDRA]
    known = {value.key.removeprefix("defaults."): value for value in _primary() if value.key.startswith("defaults.")}
    names = dict.fromkeys([*known, *(path.parent.name for path in files)])
    found = {
        name: Group(
            name,
            known[name].comment if name in known else "",
            known[name].text.replace("null", "") if name in known else "",
            tuple(_options(name, [path for path in files if path.parent.name == name])),
        )
        for name in names
    }
    return {name: group for name, group in found.items() if group.options}


def _options(group: str, files: Sequence[Path]) -> list[Option]:
    """Return the options in `files`; of two with one name Hydra takes the first."""
    first = {path.stem: path for path in reversed(files)}
    return [Option(group, name, first[name]) for name in dict.fromkeys(path.stem for path in files)]


def top_level() -> list[Value]:
    """Return the settings of `pairreg` that belong to no group."""
    groups_too = {value.key.removeprefix("defaults.") for value in _primary() if value.key.startswith("defaults.")}
    return [value for value in _primary() if value.key.partition(".")[0] not in {"defaults", _HYDRA, *groups_too}]


@cache
def _primary() -> tuple[Value, ...]:
    return CommentedYaml.read(option_files.conf_folder() / "config.yaml").values
