"""The check of settings, in one place and with one grammar of sentences.

The constructor of an option says by its annotations what it takes, such as `weight: NonNegative` or `window:
OddWindow`. `Checked` looks at them when an object is made, `check_arguments` before that, so Python and the command
line refuse a value with the same sentence: "<where> should be <what>; it is <value>."
"""

import dataclasses
import functools
import inspect
import re
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, ParamSpec, TypeVar

import numpy as np
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
)

from pairreg.errors import InputError


class SettingError(InputError):
    """Raised for a setting, or several together; the message does not say yet of which option they are."""


P = ParamSpec("P")
T = TypeVar("T")


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("an odd number")
    return value


def _not_tiny(value: float) -> float:
    if value < 1e-12:
        raise ValueError("at least 1e-12")
    return value


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("text, in quotes in a file of options (12_1 without them is the number 121)")
    return value


Text = Annotated[str, BeforeValidator(_text)]  # where numbers in a file of options are names
# The ranges hold whatever makes sense, and end where float32 or an array of that size would.
Finite = Annotated[float, Field(ge=-1e30, le=1e30, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False), AfterValidator(_not_tiny)]
Plain = bool | int | Finite | str | None  # what a setting of another program may be, alone or in a list
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Threads = Annotated[int, Field(ge=1, le=1024)]
OddWindow = Annotated[int, Field(ge=3, le=999, description="odd"), AfterValidator(_odd)]  # side of a window in voxels

# How our sentences put what pydantic says; its own words stand for the rest ("a valid integer").
_LONG = 160  # characters of a value in a message
WORDS = {
    "greater_than": "above {gt:g}",
    "greater_than_equal": "at least {ge:.10g}",
    "less_than": "below {lt:g}",
    "less_than_equal": "at most {le:.10g}",
    "finite_number": "a finite number",
    "int_parsing_size": "a number of fewer digits",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checked:
    """The base of our options: every field is checked against its annotation when an object is made.

    Scalars of NumPy become numbers of Python.

    Raises `InputError` for a value that cannot be used.
    """

    def __post_init__(self) -> None:
        hints = hints_of(typing.cast(Any, type(self)))
        for field in dataclasses.fields(self):
            if field.init and field.name in hints:
                object.__setattr__(self, field.name, python_number(getattr(self, field.name)))
                check_value(hints[field.name], getattr(self, field.name), field.name, _default(field))
        problem = self.problem()
        if problem:
            raise SettingError(problem)

    def problem(self) -> str | None:
        """Return what is wrong with several settings together, as a sentence; None if nothing is."""
        return None


def checked(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate an option that is a function so that its arguments are checked against their annotations.

    Scalars of NumPy become numbers of Python.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        given = inspect.signature(function).bind(*args, **kwargs)
        hints = hints_of(function)
        for key, value in given.arguments.items():
            given.arguments[key] = python_number(value)
            check_value(hints[key], value, key)
        return function(*given.args, **given.kwargs)

    return call


def check_arguments(target: Any, arguments: Mapping[str, Any], where: str) -> None:
    """Check names and values of `arguments` against what `target` takes; `where` begins every message."""
    parameters, hints = constructor(target)
    fields = {one.name: one for one in dataclasses.fields(target)} if dataclasses.is_dataclass(target) else {}
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for key in arguments:
        if str(key) == "True" and "on" in parameters:
            raise InputError(f'{where} has the key true, which is how YAML reads on; write "on" in quotes.')
        one_of(f"{where}: key", key, parameters)
    for key, parameter in parameters.items():
        if arguments.get(key, parameter.default) in (parameter.empty, "???"):
            raise InputError(f"{where}.{key} is missing: give {where}.{key}=VALUE.")
        if key in arguments and key in hints:
            default = _default(fields[key]) if key in fields else parameter.default
            check_value(hints[key], arguments[key], f"{where}.{key}", default)


def _default(field: dataclasses.Field[Any]) -> Any:
    """Return what a field of a dataclass is if nothing is given, such as the list that a factory makes."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def python_number(value: Any) -> Any:
    """Return a scalar of NumPy as the number of Python that Keras, JSON and ITK want; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def check_value(hint: Any, value: Any, where: str, default: Any = None) -> None:
    """Raise `InputError` unless `value` is what `hint` says; a whole number passes as a float, "9" does not.

    A `default` that is a list shows how a list is written.
    """
    try:
        _adapter(hint).validate_python(python_number(value), strict=True)
    except ValidationError as error:
        # Of a value that may be a number or a list, the list has the deeper error; a check of ours knows the type.
        worst: Any = max(error.errors(), key=lambda one: (len(one["loc"]), one["type"] == "value_error"))
        if isinstance(worst.get("ctx", {}).get("error"), InputError):  # of a check with a sentence of its own
            raise InputError(f"{where}: {worst['ctx']['error']}") from None
        wanted = _list_such_as(value, default) if _lacks_list(worst) else _words(worst)
        raise InputError(f"{where} should be {wanted}; it is {shown(value)}.") from None


def _lacks_list(error: Mapping[str, Any]) -> bool:
    """Return whether an error of pydantic is that the whole value is no list."""
    is_whole = not any(isinstance(part, int) for part in error["loc"])
    return is_whole and (error["type"] == "list_type" or error.get("ctx", {}).get("class") == Sequence.__name__)


def _list_such_as(value: Any, default: Any) -> str:
    """Return words for a list in place of `value`, as a shell takes it: the default, or else one of that value."""
    example = default if isinstance(default, list | tuple) and default else [value]
    return f"a valid list, such as [{','.join(map(str, example))}]"


def _words(error: Mapping[str, Any]) -> str:
    """Return what a value should be, from an error of pydantic."""
    if error["type"] in WORDS:
        return WORDS[error["type"]].format(**error.get("ctx", {}))
    said: str = error["msg"]
    return said.removeprefix("Input should be ").removeprefix("Value error, ")


def shown(value: Any) -> str:
    """Return how a message shows a value: without the middle, if it is long."""
    text = repr(value)
    return text if len(text) <= _LONG else f"{text[: _LONG // 2]}…{text[-_LONG // 2 :]}"


def is_number(text: str) -> bool:
    """Return whether `text` is a number as Python reads it."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def one_of(what: str, value: str, choices: Iterable[str]) -> str:
    """Return `value` if it is one of `choices`; otherwise raise an `InputError` that names them."""
    choices = list(choices)
    if value in choices:
        return value
    raise InputError(not_one_of(what, value, choices))


def not_one_of(what: str, value: str, choices: Iterable[str], advice: str | None = None) -> str:
    """Return the sentence on a `value` that is none of `choices`; without `advice` it names the nearest of them."""
    choices = list(choices)
    near = _nearest(str(value), choices)
    advice = advice or (near and f"did you mean {near!r}?")
    return f"{what} {value!r} is not one of {', '.join(choices)}{f'; {advice}' if advice else '.'}"


def _nearest(value: str, choices: Iterable[str]) -> str | None:
    """Return the choice that is spelt nearly like `value`, or whose words it abbreviates, as `lr` a `learning_rate`."""
    choices = list(choices)
    initials = [one for one in choices if value == "".join(word[:1] for word in re.split(r"[\W_]+", one))]
    return next(iter([*get_close_matches(value, choices, n=1), *initials]), None)


@functools.cache
def constructor(target: Any) -> tuple[dict[str, inspect.Parameter], dict[str, Any]]:
    """Return the parameters of a class or function by name, and their annotations with markers."""
    return dict(inspect.signature(target).parameters), hints_of(target)


@functools.cache
def hints_of(target: Any) -> dict[str, Any]:
    """Return the annotations of what a class or function takes, by name."""
    if isinstance(target, type) and not dataclasses.is_dataclass(target):
        target = vars(target).get("__init__", target)
    try:
        return typing.get_type_hints(target, include_extras=True)
    except NameError as error:
        name = f"{target.__module__}.{target.__qualname__}"
        raise InputError(f"{name}: {error} in an annotation; import it outside of 'if TYPE_CHECKING:'.") from None


@functools.cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    arbitrary = ConfigDict(arbitrary_types_allowed=True)
    try:
        return TypeAdapter(hint, config=arbitrary)
    except PydanticUserError:  # a BaseModel or dataclass brings its own configuration
        return TypeAdapter(hint)
