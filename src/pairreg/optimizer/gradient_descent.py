"""First-order optimizers of Keras, as a loop inside the graph."""

import functools
import sys
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

import numpy as np
from pydantic import AfterValidator, Field

from pairreg.backend import Tensor, compiled, keras, tf
from pairreg.errors import InputError
from pairreg.optimizer.base import Paused, Problem, Report, assign
from pairreg.optimizer.pace import Pace
from pairreg.validation import Positive, shown

_BLOCK = 50  # iterations, after which `report` may stop the loop: whether it does must not depend on the speed


@runtime_checkable
class RateSchedule(Protocol):
    """A schedule of `keras.optimizers.schedules`."""

    def __call__(self, step: Any) -> Any: ...

    def get_config(self) -> dict[str, Any]: ...


def _possible(schedule: RateSchedule) -> RateSchedule:
    """Return the schedule; raises `InputError` for a number in it with which there would be no rate at some step."""
    for name, value in schedule.get_config().items():
        least = 1 if name.endswith("decay_steps") else 0
        for number in value if isinstance(value, list | tuple) else [value]:
            if isinstance(number, int | float) and not least <= number <= 1e9:
                raise InputError(f"{name} should be from {least} to 1000000000; it is {shown(number)}.")
    return schedule


LearningRate = Positive | Annotated[RateSchedule, AfterValidator(_possible)] | None
Memory = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]  # part of the past that is kept at each step


@dataclass(frozen=True)
class GradientDescent:
    """Minimises by a Keras optimizer, which is given by its class name and arguments.

    Without a learning rate among them it takes the transform's; with a schedule of Keras as learning rate, every level
    starts the schedule anew.
    """

    name: str
    config: Mapping[str, Any]

    @property
    def key(self) -> Hashable:
        """What is equal for equal settings: of schedules their class, config and attributes.

        The config alone does not tell a schedule from a subclass of it, or from what a user's class has besides.
        """
        kinds = tuple(map(type, self.config.values()))
        settings = {name: _content(value) for name, value in self.config.items()}
        with np.printoptions(threshold=sys.maxsize, floatmode="unique"):  # arrays in full, as of a table of rates
            return type(self), kinds, repr([self.name, settings])

    def of_keras(self) -> Any:
        """Return the class of the Keras optimizer."""
        return getattr(keras.optimizers, self.name)

    def suitable_rate(self, problem: Problem) -> Any:
        """Return the learning rate, or the schedule of Keras, that is used where none is set."""
        return problem.learning_rate

    def minimize(self, problem: Problem, iterations: int, report: Report, paused: Paused | None = None) -> None:
        loop = problem.once(self.key, lambda: Loop(self, problem))
        done, before = loop.restart(paused)
        pace = Pace()
        while done < iterations:
            if done % _BLOCK == 0:
                before = [tf.identity(variable) for variable in problem.variables]
            # Python is entered once for a whole block if that takes a second at most
            count = pace.iterations(min(_BLOCK - done % _BLOCK, iterations - done))
            with pace.timed(count):
                rows = loop.run(count)
            done += len(rows)
            # The step before the first value that is not finite may have spoiled the variables already: go back to the
            # start of the block, where the values were finite.
            if not np.isfinite(rows[-1]).all():
                assign(problem.variables, before)
            if report(rows, functools.partial(loop.pause, done, before)) and done % _BLOCK == 0:
                return


def _content(setting: Any) -> Any:
    """Return what a schedule is made of; other settings as they are."""
    return [setting.get_config(), getattr(setting, "__dict__", {})] if hasattr(setting, "get_config") else setting


class Loop:
    """The compiled iterations of one problem with one optimizer."""

    def __init__(self, settings: GradientDescent, problem: Problem):
        given = {"learning_rate": settings.suitable_rate(problem), **settings.config}
        # Keras refuses whole numbers
        config = {key: float(value) if type(value) is int else value for key, value in given.items()}
        self.problem = problem
        self.optimizer = settings.of_keras()(**config)
        # Keras adds up the gradients of all replicas, and here is one. Its operation for that would keep the graph of
        # this loop alive as long as the process.
        self.optimizer._all_reduce_sum_gradients = list
        self.optimizer.build(problem.variables)
        self.start = [variable.numpy() for variable in self.optimizer.variables]
        self.compiled = tf.function(self.iterate, autograph=False)
        self.step = compiled(self.apply)

    def restart(self, paused: Paused | None) -> tuple[int, Sequence[Any]]:
        """Set the state of the optimizer, such as momenta, to its start, or to where it paused.

        Returns the iterations done, and the parameters at the start of the block in which it paused.
        """
        count = len(self.start)
        assign(self.optimizer.variables, self.start if paused is None else paused.arrays[:count])
        return (0, ()) if paused is None else (paused.iterations, paused.arrays[count:])

    def pause(self, iterations: int, before: Sequence[Any]) -> Paused:
        """Return the state to go on from after `iterations`; `before`: the parameters at the start of the block."""
        needed = before if iterations % _BLOCK else ()  # at the end of a block, the next one begins with new ones
        return Paused(iterations, [np.asarray(value) for value in (*self.optimizer.variables, *needed)])

    def run(self, iterations: int) -> np.ndarray:
        """Do at most `iterations` and return their values `(n, columns)`; fewer if a value is not finite."""
        rows: np.ndarray = self.compiled(tf.constant(iterations), self.problem.inputs).numpy()
        return rows

    def iterate(self, iterations: Tensor, inputs: Any) -> Tensor:
        """Do at most `iterations` inside the graph, and return their values `(n, columns)`.

        It stops after the first iteration with a value that is not finite, whose step is not taken.
        """
        rows = tf.TensorArray(tf.float32, size=0, dynamic_size=True, element_shape=(self.problem.columns,))

        def goes_on(i: Tensor, finite: Tensor, rows: Any) -> Tensor:
            del rows
            return (i < iterations) & finite

        def step(i: Tensor, finite: Tensor, rows: Any) -> tuple[Tensor, Tensor, Any]:
            values, gradients = self.problem.value_and_gradients(inputs)
            finite = tf.reduce_all(tf.math.is_finite(values))
            tf.cond(finite, lambda: self.take_step(gradients), tf.no_op)
            return i + 1, finite, rows.write(i, values)

        return tf.while_loop(goes_on, step, (tf.constant(0), tf.constant(True), rows))[-1].stack()

    def take_step(self, gradients: list[Tensor]) -> Tensor:
        """Take one step of the optimizer, as an operation that has no result."""
        self.step(gradients)
        return tf.no_op()

    def apply(self, gradients: list[Tensor]) -> None:
        self.optimizer.apply(gradients, self.problem.variables)


def keras_optimizer(name: str, learning_rate: Any, **settings: Any) -> GradientDescent:
    """Return `keras.optimizers.NAME` with these arguments; a `learning_rate` of None is left out."""
    return GradientDescent(name, with_rate(learning_rate, settings))


def with_rate(learning_rate: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with the learning rate among them, unless that is None."""
    return {**({} if learning_rate is None else {"learning_rate": learning_rate}), **settings}
