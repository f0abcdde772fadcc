"""A torso of analytic shapes: pairs of images with a known deformation, and CT, attenuation and activity images."""

from pairreg.pair.phantom.pair import Phantom, phantom, phantom_2d, phantom_3d
from pairreg.pair.phantom.to_ct import phantom_to_ct_2d, phantom_to_ct_3d
from pairreg.pair.phantom.variation import Anatomy

__all__ = ["Anatomy", "Phantom", "phantom", "phantom_2d", "phantom_3d", "phantom_to_ct_2d", "phantom_to_ct_3d"]
