"""The identity of a run is its science: the options, their settings, and the content of its inputs.

Not part of it: paths, `_target_` strings of our own options, where and under which name a run is kept, settings that
are `None` or marked as neutral (`pairreg.markers.Neutral`). A file that was replaced makes another run; the same file
behind another path is the same run.
"""

import hashlib
import importlib.util
import json
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any
from weakref import WeakKeyDictionary

from pairreg import option_files, per_level
from pairreg.files import named_file
from pairreg.markers import Bookkeeping, ContentOf, FilesOf, NamesFiles, Neutral, Selects
from pairreg.runs.content import combined, digest, digest_of_part

# What cannot change a result: where it is computed, kept and shown.
BOOKKEEPING = (
    "tracking", "compute", "study", "output_dir", "dry_run", "rerun", "fail_fast", "figure", "trusted_modules",
    "pause_after_level",
)  # fmt: skip
_OURS = "pairreg.method.optimization.Optimization"
_SOURCES: WeakKeyDictionary[ModuleType, str] = WeakKeyDictionary()  # of modules that this process has imported


@dataclass(frozen=True)
class Input:
    """A file or folder that a run depends on.

    **Attributes:** `name`: of the setting, such as `pair.fixed`; `path`: as it was given; `digest`: of its content.
    """

    name: str
    path: str
    digest: str


def signature_of(content: Mapping[str, Any]) -> str:
    """Return eight hex digits of an identity; the order of its keys does not matter."""
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def identity(config: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Input, ...]]:
    """Return what tells a run with this (checked) config from others, and the inputs whose content is part of it.

    Raises `InputError` for an input that does not exist or cannot be read.
    """
    trusted = tuple(config.get("trusted_modules", ()))
    found = _Identity(trusted)
    unused = option_files.OF_METHODS - used(config)
    scientific = {key: value for key, value in config.items() if key not in BOOKKEEPING and key not in unused}
    if scientific.get("method", {}).get("_target_") == _OURS:  # what every run of an earlier version did
        del scientific["method"]
    content = {key: found.entry(key, value) for key, value in scientific.items() if value is not None}
    return content, tuple(found.inputs)


def used(config: Mapping[str, Any]) -> frozenset[str]:
    """Return the groups and numbers of `option_files.OF_METHODS` that the method of a config depends on.

    A config of an earlier version has no method: it was our optimisation.
    """
    if "method" not in config:
        return option_files.OF_METHODS
    return _used(json.dumps(config["method"], sort_keys=True), tuple(config.get("trusted_modules", ())))


@lru_cache
def _used(method: str, trusted: tuple[str, ...]) -> frozenset[str]:
    """Return what a method uses, whose settings are given as JSON: every run of a study asks for it several times."""
    return frozenset(option_files.instantiate(json.loads(method), "method", trusted).uses)


def flat(config: Mapping[str, Any]) -> dict[str, str]:
    """Return a nested config as one mapping of texts, such as `{"similarity.ncc.window": "9", …}`."""
    return {name: str(value) for name, value in leaves(config)}


def leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a nested config by its name, such as `("similarity.ncc.window", 9)`."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def in_one_value(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with one value in place of a list that has the same one for each level, as identities count it.

    Only in options of ours: the config may be from a file, which cannot say that a user's own class is to be imported.
    """
    per_option = {key: config[key] for key in per_level.GROUPS if isinstance(config.get(key), Mapping)}
    return {
        **config,
        **{
            key: {name: _option_in_one_value(key, node) for name, node in value.items()}
            if key in option_files.TERM_GROUPS
            else _option_in_one_value(key, value)
            for key, value in per_option.items()
        },
    }


def _option_in_one_value(group: str, node: Any) -> Any:
    if not isinstance(node, Mapping) or option_name(group, str(node.get("_target_"))) is None:
        return node
    return per_level.without_equal_lists(node, option_files.constructor_hints(node["_target_"], group, ()))


class _Identity:
    """Goes through a config and collects its inputs on the way."""

    def __init__(self, trusted: tuple[str, ...]):
        self.trusted = trusted
        self.inputs: list[Input] = []

    def entry(self, key: str, value: Any) -> Any:
        """Return the identity of a top-level entry of the config: a number, an option, or terms by name."""
        if key in option_files.TERM_GROUPS:
            return {name: self.option(key, name, node) for name, node in value.items()}
        return self.option(key, None, value) if isinstance(value, Mapping) else plain(value)

    def option(self, group: str, term: str | None, node: Mapping[str, Any]) -> dict[str, Any]:
        """Return the name of an option (or, of a user's own, the digest of its module's source) and its settings."""
        where = f"{group}.{term}" if term else group
        target = node["_target_"]
        name = option_name(group, target)
        settings = self.settings(where, node)  # this imports a module of the user's, whose source is asked for next
        head: dict[str, Any] = {"option": name} if name else {"target": target} | self.source(target)
        return head | settings

    def is_users(self, target: str) -> bool:
        """Return whether `target` lies in a module that the user has named as trusted."""
        return any(target.startswith(f"{module}.") for module in self.trusted)

    def source(self, target: str) -> dict[str, str]:
        """Return the digest of the user's module that defines `target`, as it was when this process first asked for it.

        A module that was edited since is computed as it was imported. Nothing for Keras, which has a version instead.
        """
        if not self.is_users(target):
            return {}
        name = target.rpartition(".")[0]
        package = sys.modules.get(name.partition(".")[0])
        if package is None:
            return {"source": _source(name)}
        if package not in _SOURCES:
            _SOURCES[package] = _source(name)
        return {"source": _SOURCES[package]}

    def settings(self, where: str, node: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of an option as the user sees them, but content in place of paths."""
        hints = option_files.constructor_hints(node["_target_"], where, self.trusted)
        # A list with the same value for each level does what that value does.
        same = per_level.without_equal_lists(node, hints) if where.partition(".")[0] in per_level.GROUPS else node
        settings = {key: value for key, value in same.items() if key != "_target_" and value is not None}
        content: dict[str, Any] = {}
        for key, value in settings.items():
            hint, marks = _split(hints.get(key))
            if any(isinstance(mark, Bookkeeping | Selects) for mark in marks):
                continue
            if any(isinstance(mark, Neutral) and mark.value == value for mark in marks):
                continue
            of_part = next((mark for mark in marks if isinstance(mark, ContentOf)), None)
            of_files = next((mark.files(node) for mark in marks if isinstance(mark, FilesOf)), None)
            if of_part is not None:
                content[key] = self.part(f"{where}.{key}", value, settings, of_part.chunks)
            elif of_files:
                content[key] = self.several(f"{where}.{key}", value, of_files)
            elif any(isinstance(mark, NamesFiles) for mark in marks):
                content[key] = self.named(f"{where}.{key}", value)
            elif _mentions_path(hint) or (self.is_users(node["_target_"]) and _is_file(value)):
                content[key] = self.files(f"{where}.{key}", value)
            elif isinstance(value, Mapping) and "_target_" in value:
                nested, target = self.settings(f"{where}.{key}", value), value["_target_"]
                content[key] = {"target": target, **self.source(target), **nested}
            else:
                content[key] = self.with_sources(plain(value))
        return content

    def with_sources(self, value: Any) -> Any:
        """Return a plain value with the source of the user's classes that it names, such as a schedule per level."""
        if isinstance(value, list):
            return [self.with_sources(entry) for entry in value]
        if isinstance(value, Mapping) and "_target_" in value:
            return {**value, **self.source(str(value["_target_"]))}
        return value

    def part(self, name: str, path: str, settings: Mapping[str, Any], chunks: Callable[..., Any]) -> str:
        """Return the digest of the part of a file that the other settings choose."""
        others = json.dumps({key: value for key, value in settings.items() if value != path}, sort_keys=True)
        self.inputs.append(Input(name, str(path), digest_of_part(path, others, partial(chunks, settings))))
        return self.inputs[-1].digest

    def several(self, name: str, value: Any, roles: Mapping[str, Any]) -> str:
        """Return one digest of what the setting `name` leads to: of the content of files, and of other things."""
        counts = {role: digest(what) if isinstance(what, Path) else plain(what) for role, what in roles.items()}
        text = json.dumps(counts, sort_keys=True)
        found = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        listed = {name: value} if isinstance(value, str | Path) else {f"{name}[{i}]": v for i, v in enumerate(value)}
        self.inputs += [Input(key, str(path), found) for key, path in listed.items()]
        return found

    def named(self, name: str, value: Any) -> Any:
        """Return a list or a mapping of settings with the digests of files in place of the texts that name them."""
        if isinstance(value, Mapping):
            return {str(key): self.named(f"{name}.{key}", one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.named(f"{name}[{i}]", one) for i, one in enumerate(value)]
        return plain(value) if named_file(value) is None else self.files(name, value)

    def files(self, name: str, value: Any) -> Any:
        """Return the digests in place of the paths in `value`, which may be a list or a mapping of them."""
        if isinstance(value, Mapping):
            return {key: self.files(f"{name}.{key}", path) for key, path in value.items()}
        if isinstance(value, list | tuple):
            return [self.files(f"{name}[{i}]", path) for i, path in enumerate(value)]
        if not isinstance(value, str | Path):
            return plain(value)
        self.inputs.append(Input(name, str(value), digest(value)))
        return self.inputs[-1].digest


@cache
def option_name(group: str, target: str) -> str | None:
    """Return the name of our option whose file has this `_target_`; None for a class of the user's or of Keras.

    An option is called as its module, or as its function where several share a module.
    """
    known = option_files.options(group)
    names = [name for name in target.split(".")[-2:] if name in known]
    return next((name for name in names if option_files.option_node(f"{group}/{name}")["_target_"] == target), None)


def before(config: Mapping[str, Any], key: str) -> str | None:
    """Return as text what a setting that our option of an older config has gained since would be in that config.

    None if the key means nothing to the config, whose options are others.
    """
    marks = _marks(config, key)
    if marks is None:
        return None
    return next((str(plain(mark.value)) for mark in marks if isinstance(mark, Neutral)), "None")


def tells_apart(config: Mapping[str, Any], key: str, by_content: bool) -> bool:
    """Return whether a setting can tell the run with this config from others, as it is part of its identity.

    One of our options may say that it cannot. `by_content`: whether the content of the inputs is compared as well, of
    which some settings only say where it is.
    """
    left_out = Bookkeeping | Selects if by_content else Bookkeeping
    return not any(isinstance(mark, left_out) for mark in _marks(config, key) or ())


def _marks(config: Mapping[str, Any], key: str) -> tuple[Any, ...] | None:
    """Return the markers of a setting of our option in a config; None if the option of the config has none such."""
    group, *parts = key.split(".")
    node: Any = config.get(group)
    for part in parts[:-1]:
        node = node.get(part) if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping) or option_name(group, str(node.get("_target_"))) is None:
        return None
    return _marks_of(key, node["_target_"])


@cache
def _marks_of(key: str, target: str) -> tuple[Any, ...] | None:
    where, _, name = key.rpartition(".")
    hints = option_files.constructor_hints(target, where, ())
    return _split(hints[name])[1] if name in hints else None


def _split(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a type, and the markers that it is annotated with."""
    if typing.get_origin(hint) is Annotated:
        return hint.__origin__, hint.__metadata__
    return hint, ()


def _mentions_path(hint: Any) -> bool:
    """Return whether a type has `Path` in it, as in `str | Path` or `dict[str, str | Path]`."""
    return hint is Path or any(_mentions_path(part) for part in typing.get_args(hint))


def _is_file(value: Any) -> bool:
    """Return whether a setting is the path of an existing file, which a user's own loader need not declare."""
    return isinstance(value, str) and bool(value) and Path(value).expanduser().is_file()


def _source(module: str) -> str:
    """Return the digest of the files of a module."""
    return combined([digest(path) for path in _source_files(module)])


def _source_files(module: str) -> Iterator[Path]:
    """Yield the source of a module and, if it is part of a package, of that whole package, which it may import."""
    package = module.partition(".")[0]
    spec = importlib.util.find_spec(package)
    assert spec is not None, "it was located before"
    if spec.submodule_search_locations is None:
        assert spec.origin is not None
        yield Path(spec.origin)
    for folder in spec.submodule_search_locations or ():
        yield from sorted(Path(folder).rglob("*.py"))


def plain(value: Any) -> Any:
    """Return a setting with whole numbers as integers: 1 and 1.0 are the same weight."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value
