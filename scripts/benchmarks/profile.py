"""Where the time of a default run goes, in the first and in the second run of a process."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pairreg
from benchmarks.common import Measured, parts
from pairreg import registration
from pairreg.backend import configure
from pairreg.optimization import compiled_level, optimize
from pairreg.optimizer import gradient_descent

spent: dict[str, float] = defaultdict(float)


def measure(repeats: int) -> list[Measured]:
    del repeats
    rows = []
    began = time.perf_counter()
    configure()
    rows.append(Measured(0, "process", "import of TensorFlow", time.perf_counter() - began, "s"))
    instrument()
    for pair_name in ("thorax_ct_2d", "thorax_ct_3d"):
        for which in ("first", "second"):
            spent.clear()
            pair = pairreg.build(f"pair/{pair_name}")
            chosen = parts(f"pair={pair_name}")
            chosen["preprocessing"] = timed("preprocessing", chosen["preprocessing"])
            chosen["initialization"] = timed("initialization", chosen["initialization"])
            began = time.perf_counter()
            pairreg.register(pair, **chosen)
            whole = time.perf_counter() - began
            known = dict(spent)
            rows += [Measured(0, f"{pair_name}, {which} run", name, value, "s") for name, value in known.items()]
            rows.append(Measured(0, f"{pair_name}, {which} run", "rest", whole - sum(known.values()), "s"))
            rows.append(Measured(0, f"{pair_name}, {which} run", "whole", whole, "s"))
    return rows


def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments, **more)
        finally:
            spent[name] += time.perf_counter() - began

    return call


def instrument() -> None:
    """Wrap the stages, from outside: the library has no clocks for this."""
    run = gradient_descent.Loop.run
    stepped: set[int] = set()

    def loop(self: Any, iterations: int) -> Any:
        new = id(self) not in stepped
        stepped.add(id(self))
        grid = "x".join(str(n) for n in self.problem.parametrization.grid.shape[::-1])
        name = f"level {grid}: " + ("tracing, compiling, first 50 steps" if new else "further steps")
        return timed(name, run)(self, iterations)

    gradient_descent.Loop.run = loop
    compiled_level.CompiledLevel.__init__ = timed("building networks", compiled_level.CompiledLevel.__init__)
    optimize.level_inputs = timed("images of the levels", optimize.level_inputs)
    registration.evaluate = timed("metrics", registration.evaluate)
