"""The plane of a volume that has one slice."""

import numpy as np
import SimpleITK as sitk


def as_plane(image: sitk.Image) -> sitk.Image:
    """The 2-D image of a 3-D one with one slice; distances, and the offset between parallel slices, are kept.

    The plane's coordinates are the two world axes nearest to it (x and y for an axial slice). An oblique slice is
    turned into them, not projected, so that its spacing stays true.
    """
    axis = image.GetSize().index(1)
    kept = [a for a in range(3) if a != axis]
    size = [0 if a == axis else n for a, n in enumerate(image.GetSize())]
    plane: sitk.Image = sitk.Extract(image, size, [0, 0, 0], sitk.ExtractImageFilter.DIRECTIONCOLLAPSETOIDENTITY)
    directions = np.reshape(image.GetDirection(), (3, 3))
    to_plane = world_to_plane(directions[:, kept], directions[:, axis])
    plane.SetSpacing([image.GetSpacing()[a] for a in kept])
    plane.SetOrigin((to_plane @ image.GetOrigin()).tolist())
    plane.SetDirection((to_plane @ directions[:, kept]).ravel().tolist())
    return plane


def world_to_plane(inside: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """The `(2, 3)` matrix from world to plane coordinates, for in-plane directions `(3, 2)`."""
    nearest = np.delete(inside, np.argmax(np.abs(normal)), axis=0)
    left, _, right = np.linalg.svd(nearest)
    turned = left @ right  # the rotation (or reflection) nearest to the projected directions
    return np.asarray(np.round(turned @ inside.T, 12))  # without the 1e-17 that a singular value decomposition leaves
