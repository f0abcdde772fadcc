"""Distances of corresponding points."""

from dataclasses import dataclass
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field

from pairreg.arrays import Scalar
from pairreg.backend import Tensor, tf
from pairreg.similarity.base import DataTerm
from pairreg.validation import SettingError

Indices = Annotated[list[Annotated[int, Field(ge=0)]] | tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]


@final
@dataclass(frozen=True, kw_only=True)
class Landmarks(DataTerm):
    """Compares corresponding points by their mean squared distance in mm², in the space of the moving image.

    The loss goes from 0 (best: every fixed landmark is carried to the moving one) up: 1 is a distance of 1 mm, 100 one
    of 10 mm. Points that lie outside the fixed image, where no deformation is sought, do not count.

    **Arguments:** `subset`: which of the landmarks count, from 0 on: `even` or `odd` numbers, or a list of numbers; the
    others remain for the evaluation. None: all of them.

    Source: Rohr et al., IEEE TMI 20:526 (2001), with the field of a grid in place of a spline through the points.
    """

    weight: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] = 0.01
    subset: Literal["even", "odd"] | Indices | None = None

    def __call__(self, differences: Tensor) -> Scalar:
        """Return the mean squared length of `differences` `(n, ndim)` in mm, differentiable in them."""
        return tf.reduce_mean(tf.reduce_sum(differences**2, axis=-1))

    def chosen(self, count: int) -> np.ndarray:
        """Return which of `count` landmarks are in the subset, `(count,)`; raises `InputError` if none can be."""
        chosen = np.zeros(count, bool)
        if self.subset is None or isinstance(self.subset, str):
            starts = {None: (0, 1), "even": (0, 2), "odd": (1, 2)}
            first, step = starts[self.subset]
            chosen[first::step] = True
        elif max(self.subset) >= count:
            raise SettingError(f"subset names the landmark {max(self.subset)}; they have the numbers 0 to {count - 1}.")
        else:
            chosen[list(self.subset)] = True
        if not chosen.any():
            raise SettingError(f"subset {self.subset!r} chooses none of {count} landmarks; choose others.")
        return chosen
