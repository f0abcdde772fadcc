"""The curve of every term over the iterations of a run."""

from collections.abc import Sequence

import numpy as np

from pairreg.errors import DivergedError


class History:
    """Holds one row per iteration: `loss`, every unweighted term, `gradient_norm` and `level` (1 = coarsest)."""

    def __init__(self, terms: Sequence[str]):
        self.names = ["loss", *terms, "gradient_norm", "level"]
        self.rows = np.zeros((0, len(self.names)))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.rows[:, self.names.index(name)]

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
