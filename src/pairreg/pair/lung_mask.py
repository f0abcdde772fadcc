"""The lungs in a CT of the chest, by threshold and morphology."""

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError

AIR = -400.0  # HU, between lung and soft tissue
PART = 0.1  # of the largest region, at least: the second lung, but no air in the bowel
VESSELS = 5.0  # mm, radius of the ball that closes vessels and bronchi


def lung_mask(ct: sitk.Image, source: str) -> sitk.Image:
    """The lungs in a 3-D CT in HU, uint8 on its grid; `source` is what a message calls it.

    Voxels below -400 HU that are not connected with the sides of the image in the plane, as the air around the body is:
    the largest connected region and those of a tenth of its size; then a closing by a ball of 5 mm, which takes vessels
    in, and all cavities. Trachea and main bronchi stay, dense lesions at the pleura do not count.

    Raises `InputError` if there is no such region.
    """
    regions = sitk.ConnectedComponent(sitk.Cast(ct < AIR, sitk.sitkUInt8))
    numbers = geometry.array(regions)
    sizes = np.bincount(numbers.ravel())
    sizes[np.unique(np.concatenate([numbers[:, [0, -1]].ravel(), numbers[:, :, [0, -1]].ravel(), [0]]))] = 0
    if not sizes.any():
        raise InputError(f"{source} shows no lungs (no air of its own below {AIR:g} HU); give another mask, or null.")
    kept = geometry.image((sizes >= PART * sizes.max())[numbers].astype(np.uint8), ct)
    radius = [int(np.ceil(VESSELS / h)) for h in ct.GetSpacing()]
    closed = sitk.BinaryMorphologicalClosing(kept, radius, sitk.sitkBall)
    return sitk.BinaryFillhole(closed)
