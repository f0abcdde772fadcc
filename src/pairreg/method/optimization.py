"""Our own method: the objective is minimised for this pair alone."""

from dataclasses import dataclass
from typing import final

from pairreg.method.base import Method
from pairreg.option_files import OF_METHODS


@final
@dataclass(frozen=True, kw_only=True)
class Optimization(Method):
    """Minimises the objective that the other groups describe, level by level."""

    @property
    def uses(self) -> frozenset[str]:
        return OF_METHODS
