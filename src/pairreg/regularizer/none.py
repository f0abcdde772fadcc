from dataclasses import dataclass

from pairreg.regularizer.base import Regularizer


@dataclass(frozen=True, kw_only=True)
class NoRegularizer(Regularizer):
    """No penalty and no constraint: what the similarity alone makes of the field."""
