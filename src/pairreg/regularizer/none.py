"""No regulariser."""

from dataclasses import dataclass
from typing import ClassVar, final

from pairreg.regularizer.base import Regularizer


@final
@dataclass(frozen=True, kw_only=True)
class NoRegularizer(Regularizer):
    """Adds no penalty and no constraint: the similarity alone determines the field."""

    does_nothing: ClassVar[bool] = True
    strength: ClassVar[str | None] = None
