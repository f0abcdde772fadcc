"""How well a registration matches, and how plausible its deformation is: functions of arrays.

Independent of how the registration was done: nothing here imports TensorFlow, and every number can be compared with
those of other tools. Fields are `(*spatial, ndim)` in voxels of the fixed grid, components in array axis order, pull:
`warped(x) = moving(x + u(x))`. Spacings are in mm, in array axis order. Everything works in 2-D and 3-D.
"""

from pairreg.metrics.consistency import inverse_consistency
from pairreg.metrics.deformation import folds, folds_percent, jacobian_determinant, sdlogj, sdlogj_l2r
from pairreg.metrics.diffeomorphism import ndv_percent, non_diffeomorphic_volume
from pairreg.metrics.images import mse, ncc, pcc, ssim
from pairreg.metrics.landmarks import tre
from pairreg.metrics.overlap import dice, volume_change
from pairreg.metrics.surface import hd95

__all__ = [
    "dice",
    "folds",
    "folds_percent",
    "hd95",
    "inverse_consistency",
    "jacobian_determinant",
    "mse",
    "ncc",
    "ndv_percent",
    "non_diffeomorphic_volume",
    "pcc",
    "sdlogj",
    "sdlogj_l2r",
    "ssim",
    "tre",
    "volume_change",
]
