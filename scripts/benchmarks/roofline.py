"""Point 14: how far each part of an iteration is from what this machine can do at best.

A part takes at least as long as the memory needs to deliver what it reads and to take what it returns, each once, and
as long as the cores need for its arithmetic: the larger of bytes / bandwidth and operations / peak is its limit (the
roofline model; Williams et al., CACM 52(4):65, 2009). The bandwidth is that of a compiled copy of the field, the peak
that of a matrix product. The operations are counted in the program before the compiler rearranges it, so that what the
compiler computes twice counts against the part.
"""

import functools
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import benchmark_terms as terms
import pairreg
from benchmarks.common import Measured
from pairreg.backend import tf
from pairreg.similarity.base import IMAGE, Similarity
from pairreg.transform.base import LevelGrid
from pairreg.transform.warp import warp

SHAPE = (160, 160, 256)
LIMITS = {"mse": 2, "pcc": 2, "diffusion": 2, "ncc": 4, "ssim": 4, "jacobian": 4}  # of time over the least possible
TRANSFORMS = ("bspline", "velocity")  # a grid of every voxel is the field itself, a network is not compiled here
_INSTRUCTION = re.compile(r"%\S+ = \(?\w+\[([\d,]*)\]\S* ([\w-]+)\((.*)")
_ARITHMETIC = set("add subtract multiply divide maximum minimum sqrt rsqrt exponential log power negate abs".split())


@dataclass(frozen=True)
class Part:
    """A part of an iteration: milliseconds, bytes that it reads and returns, and arithmetic operations."""

    milliseconds: float
    moved: float
    operations: float


def measure(repeats: int) -> list[Measured]:
    """The parts take turns; the field is smooth and folds nowhere."""
    tf.random.set_seed(0)  # TensorFlow wants one before it shows a program
    functions = programs()
    for function, arguments in functions.values():
        seconds(function, arguments)
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, (function, arguments) in functions.items():
            times[name].append(seconds(function, arguments))
    parts = {
        name: Part(1000 * statistics.median(times[name]), moved(function, arguments), operations(function, arguments))
        for name, (function, arguments) in functions.items()
    }
    copy, product = parts.pop("copy"), parts.pop("product")
    bandwidth, peak = copy.moved / copy.milliseconds, product.operations / product.milliseconds
    rows = [
        Measured(14, "machine", "bandwidth", bandwidth / 1e6, "GB/s"),
        Measured(14, "machine", "peak", peak / 1e6, "GFLOP/s"),
    ]
    for name, part in parts.items():
        least = max(part.moved / bandwidth, part.operations / peak)
        limit = f"<= {LIMITS[name]}" if name in LIMITS else ""
        rows += [
            Measured(14, name, "time", part.milliseconds, "ms"),
            Measured(14, name, "bytes", part.moved / 1e6, "MB"),
            Measured(14, name, "operations", part.operations / 1e6, "M"),
            Measured(14, name, "time over the least possible", part.milliseconds / least, "", limit),
        ]
    return rows


def programs() -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """Return each part as a compiled function with its arguments, by name."""
    field, inputs = terms.arguments_of(SHAPE)
    field = field / 4  # half a voxel at most
    found: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "copy": (compiled(lambda u: 2 * u), (field,)),
        "product": (compiled(lambda a, b: a @ b), (tf.ones((2048, 2048)), tf.ones((2048, 2048)))),
        "warp": (compiled(lambda u, x: warp(x, u)), (field, inputs.moving)),
        "derivative of warp": (compiled(pulled_back), (field, inputs.moving, inputs.fixed)),
    }
    for name in pairreg.options("similarity"):
        term = pairreg.build(f"similarity/{name}")
        if isinstance(term, Similarity) and term.on == IMAGE:
            compare = functools.partial(compared, term)
            found[name] = compiled(with_derivative(compare)), (inputs.moving, inputs.fixed, inputs.mask)
    for name in pairreg.options("regularizer"):
        term = pairreg.build(f"regularizer/{name}")
        if term.has_penalty:
            found[name] = compiled(with_derivative(term.penalty)), (field, inputs.spacing)
    for name in TRANSFORMS:
        grid = LevelGrid(SHAPE, (1, 1, 1))
        parameters = pairreg.build(f"transform/{name}").parametrize(grid, "float32", [1.0] * 3)
        # as in a run, where the field of a transform is not compiled
        both = tf.function(pulled_back_to_nodes(parameters.displacements), autograph=False)
        found[name] = both, (parameters.nodes.value(), field)
    return found


def compiled(function: Callable[..., Any]) -> Any:
    return tf.function(function, jit_compile=True, autograph=False)


def with_derivative(term: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function for the value of a term and its derivative by its first argument."""

    def value_and_derivative(x: Any, *others: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = term(x, *others)
        return value, tape.gradient(value, x)

    return value_and_derivative


def compared(term: Similarity, warped: Any, fixed: Any, mask: Any) -> Any:
    return term(fixed, warped, mask)


def pulled_back(field: Any, moving: Any, by_warped: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(field)
        warped, _ = warp(moving, field)
    return tape.gradient(warped, field, output_gradients=by_warped)


def pulled_back_to_nodes(displacements: Callable[[Any], Any]) -> Callable[..., Any]:
    def both(nodes: Any, by_field: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(nodes)
            field = displacements(nodes)
        return field, tape.gradient(field, nodes, output_gradients=by_field)

    return both


def seconds(function: Any, arguments: tuple[Any, ...]) -> float:
    began = time.perf_counter()
    first = tf.nest.flatten(function(*arguments))[0]
    first[(0,) * len(first.shape)].numpy()  # a GPU answers before it is done
    return time.perf_counter() - began


def moved(function: Any, arguments: tuple[Any, ...]) -> float:
    """Return the bytes of the arguments and of the results."""
    tensors = [*arguments, *tf.nest.flatten(function(*arguments))]
    return float(sum(int(np.prod(x.shape)) * x.dtype.size for x in tensors))


def operations(function: Any, arguments: tuple[Any, ...]) -> float:
    """Return the arithmetic operations of a function, as its program has them before it is optimised."""
    text: str = compiled(function.python_function).experimental_get_compiler_ir(*arguments)(stage="hlo")
    bodies = {}
    for block in re.split(r"\n\n", text):
        if head := re.match(r"(ENTRY )?%(\S+) \(", block.strip()):
            bodies["ENTRY" if head[1] else head[2]] = [_INSTRUCTION.search(line) for line in block.splitlines()]
    return _operations_of("ENTRY", bodies)


def _operations_of(name: str, bodies: dict[str, list[Any]]) -> float:
    total = 0.0
    for found in filter(None, bodies[name]):
        shape, kind, rest = found.groups()
        size = _size(shape)
        if kind in _ARITHMETIC:
            total += size
        elif kind == "dot":  # as many products as the operands have elements, for each that is summed over
            (axis,) = re.findall(r"lhs_contracting_dims=\{(\d+)\}", rest)
            total += 2 * size * _size(_first_operand(rest).split(",")[int(axis)])
        elif kind == "reduce":
            total += _size(_first_operand(rest))
        elif kind in ("call", "conditional"):
            called = " ".join(re.findall(r"(?:to_apply|\w+_computations?)=\{?([^}\s]+)", rest))
            total += sum(_operations_of(body, bodies) for body in re.findall(r"%([\w.\-]+)", called))
    return total


def _first_operand(arguments: str) -> str:
    """Return the shape of the first argument of an instruction, as its text has it."""
    return str(re.findall(r"^\w+\[([\d,]*)\]", arguments)[0])


def _size(shape: str) -> int:
    return int(np.prod([int(n) for n in shape.split(",") if n]))
