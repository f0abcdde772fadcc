"""The curve of every term over the iterations of a run."""

from collections.abc import Mapping, Sequence

import numpy as np

from pairreg.errors import DivergedError


class History:
    """Holds one row per iteration: `loss`, every unweighted term, `gradient_norm` and `level` (1 = coarsest).

    `weights`: for each level the weight of each of the `terms` in the loss.
    """

    def __init__(self, terms: Sequence[str], weights: Sequence[Mapping[str, float]] = ()):
        self.weights = weights
        self.names = ["loss", *terms, "gradient_norm", "level"]
        self.rows = np.zeros((0, len(self.names)))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the curve `(iterations,)` of one name; raises `ValueError` if there is none of it."""
        return self.rows[:, self.names.index(name)]

    @property
    def formula(self) -> str:
        """What the loss is made of, such as `loss = mse + 2 × diffusion`; with several weights, one for each level."""
        terms = self.weights[0] if self.weights else ()
        return "loss = " + " + ".join(weighted(term, [level[term] for level in self.weights]) for term in terms)

    def columns(self) -> dict[str, np.ndarray]:
        """Return the curve `(iterations,)` of every name."""
        return {name: self[name] for name in self.names}

    def append(self, values: np.ndarray, level: int) -> np.ndarray:
        """Add the values `(n, 2 + terms)` of some iterations; return them as rows, with `level` as last column."""
        new = np.column_stack([values, np.full(len(values), level)])
        self.rows = np.concatenate([self.rows, new])
        return new

    def check_finite(self) -> None:
        """Raise `DivergedError`, which names the term, if the last iteration is not finite."""
        last = self.rows[-1]
        if np.isfinite(last).all():
            return
        pairs = list(zip(self.names, last, strict=True))
        # the loss is not finite because a term is not: name the term
        name, value = next((n, v) for n, v in [*pairs[1:], pairs[0]] if not np.isfinite(v))
        raise DivergedError(
            f"{name} became {value} at iteration {len(self)} (level {int(last[-1])}); the run stopped there. "
            "Try a smaller optimizer.learning_rate or a larger regularizer weight."
        )


def weighted(term: str, weights: Sequence[float]) -> str:
    """Return a term with what it is multiplied by in the loss: `mse`, `2 × diffusion`, `[4, 2] × diffusion`.

    `term`: as in a history, such as `similarity/mse`; `weights`: of the levels, one if they are alike.
    """
    name, distinct = term.rpartition("/")[2], dict.fromkeys(weights)
    if list(distinct) == [1]:
        return name
    numbers = ", ".join(f"{weight:g}" for weight in weights)
    return f"{weights[0]:g} × {name}" if len(distinct) == 1 else f"[{numbers}] × {name}"
