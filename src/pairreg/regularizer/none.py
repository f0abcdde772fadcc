from dataclasses import dataclass
from typing import ClassVar, final

from pairreg.regularizer.base import Regularizer


@final
@dataclass(frozen=True, kw_only=True)
class NoRegularizer(Regularizer):
    """No penalty and no constraint: what the similarity alone makes of the field."""

    does_nothing: ClassVar[bool] = True
