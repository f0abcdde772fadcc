"""The menu: what the option files in `conf/` offer, and the objects that they describe."""

import functools
import importlib
import inspect
import typing
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from pydantic import ConfigDict, TypeAdapter, ValidationError

from pairreg.backend import configure
from pairreg.errors import InputError

TRUSTED = ("pairreg", "keras.optimizers")
TERM_GROUPS = ("similarity", "regularizer")  # several options at once, each under its own key


def conf_folder() -> Path:
    """The folder of the option files, in a checkout as in an installed wheel."""
    return Path(str(files("pairreg.conf")))


def groups() -> list[str]:
    return sorted(path.name for path in conf_folder().iterdir() if path.is_dir() and any(path.glob("*.yaml")))


def options(group: str) -> list[str]:
    """Names of the options of a config group, such as `options("similarity")`."""
    one_of("config group", group, groups())
    return sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))


def one_of(what: str, value: str, choices: Iterable[str]) -> str:
    """`value` if it is one of `choices`; otherwise an `InputError` that names them."""
    choices = list(choices)
    if value in choices:
        return value
    near = get_close_matches(str(value), choices, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise InputError(f"{what} {value!r} is not one of {', '.join(choices)}{hint}")


def option_node(name: str) -> dict[str, Any]:
    """The contents of an option file; `name` is `"group/option"`."""
    group, _, option = name.partition("/")
    one_of(f"{group} option", option, options(group))
    node = OmegaConf.to_container(OmegaConf.load(conf_folder() / group / f"{option}.yaml"), resolve=True)
    assert isinstance(node, dict)
    return typing.cast(dict[str, Any], node[option] if group in TERM_GROUPS else node)


def build(name: str, /, **overrides: Any) -> Any:
    """The object that the option file `"group/option"` describes, such as `build("similarity/ncc", window=7)`.

    Raises `InputError` for an unknown option, an unknown key or a value of the wrong type or range.
    """
    return instantiate({**option_node(name), **overrides}, name.replace("/", "."))


def instantiate(node: Mapping[str, Any], where: str, trusted: Iterable[str] = ()) -> Any:
    """Call the `_target_` of `node` with its other keys; nodes within are instantiated first.

    `where` (such as `similarity.ncc`) begins every message. `trusted` adds module prefixes to the allowed ones.
    """
    target, arguments = check_node(node, where, trusted)
    try:
        return target(**arguments)
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from error


def check_node(node: Mapping[str, Any], where: str, trusted: Iterable[str] = ()) -> tuple[Any, dict[str, Any]]:
    """The target of `node` and its checked arguments, not called yet (the nodes within are)."""
    arguments = {
        key: instantiate(value, f"{where}.{key}", trusted) if isinstance(value, dict) and "_target_" in value else value
        for key, value in node.items()
        if key != "_target_"
    }
    target = locate(node.get("_target_", ""), where, (*TRUSTED, *trusted))
    check_arguments(target, arguments, where)
    return target, arguments


def locate(target: str, where: str, trusted: tuple[str, ...]) -> Any:
    """The class or function with the dotted name `target`, which has to lie in a trusted module."""
    if not any(target.startswith(prefix + ".") for prefix in trusted):
        raise InputError(f"{where}: _target_ {target!r} is outside the trusted modules ({', '.join(trusted)}).")
    module, _, name = target.rpartition(".")
    if target.startswith("keras."):
        configure()
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{where}: _target_ {target!r} cannot be imported ({error}).") from error


def check_arguments(target: Any, arguments: Mapping[str, Any], where: str) -> None:
    """Names and types of `arguments` against the signature of `target`, the one place where both are declared."""
    parameters, hints = signature(target)
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for key in arguments:
        one_of(f"{where}: key", key, parameters)
    for key, parameter in parameters.items():
        if arguments.get(key, parameter.default) in (parameter.empty, "???"):
            raise InputError(f"{where}.{key} is missing: give {where}.{key}=VALUE.")
        if key in arguments and key in hints:
            check_type(hints[key], arguments[key], f"{where}.{key}")


@functools.cache
def signature(target: Any) -> tuple[dict[str, inspect.Parameter], dict[str, Any]]:
    parameters = dict(inspect.signature(target).parameters)
    function = vars(target)["__init__"] if isinstance(target, type) and "__init__" in vars(target) else target
    hints = typing.get_type_hints(function, include_extras=True)
    return parameters, hints


def check_type(hint: Any, value: Any, where: str) -> None:
    """Raise `InputError` unless `value` is of the type `hint`; a whole number passes as a float, "9" does not."""
    try:
        _adapter(hint).validate_python(value, strict=True)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Input should be ")
        raise InputError(f"{where} should be {reason}; it is {value!r}.") from None


@functools.cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    arbitrary = ConfigDict(arbitrary_types_allowed=True)
    try:
        return TypeAdapter(hint, config=arbitrary)
    except Exception:  # a BaseModel or dataclass brings its own configuration
        return TypeAdapter(hint)
