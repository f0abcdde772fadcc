"""Figures of one registration: functions of arrays that write a PNG file and return its path.

Importing this package imports Matplotlib, so import it only where a figure is wanted. Figures are built without pyplot,
so they need no display and leave no state behind.
"""

from pairreg.figures.curves import curves
from pairreg.figures.grid import grid
from pairreg.figures.overview import overview
from pairreg.figures.views import informative_slices

__all__ = ["curves", "grid", "informative_slices", "overview"]
