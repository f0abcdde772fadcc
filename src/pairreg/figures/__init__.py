"""Figures of one registration: functions of arrays that write a PNG file and return its path.

Importing this package imports Matplotlib: do so when a figure is wanted. Figures are built without pyplot, so they need
no display and leave no state behind.
"""

from pairreg.result.figures.curves import curves
from pairreg.result.figures.grid import grid
from pairreg.result.figures.overview import overview
from pairreg.result.figures.views import informative_slices

__all__ = ["curves", "grid", "informative_slices", "overview"]
