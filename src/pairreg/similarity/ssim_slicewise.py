"""Structural similarity of the slices of a volume, as the released scripts of Chen et al. (2020) compute it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from pairreg.similarity.ssim import SSIM


@final
@dataclass(frozen=True, kw_only=True)
class SSIMSlicewise(SSIM):
    """Compares volumes by 1 less the mean 2-D structural similarity of all slices along the first axis.

    In 2-D it is `ssim`. Windows do not reach from slice to slice, so it does not see how slices fit together. Value
    range, flat windows and masks are as in `ssim`. It is equal to `tf.image.ssim` of the slices, which is what the
    released scripts of Chen et al. apply to volumes. It is for comparison with the published figures; use `ssim` for
    everything else.

    **Arguments:** as in `ssim`.

    Source: Wang et al., IEEE TIP 13:600 (2004); Chen et al., Medical Physics 47:6366 (2020).
    """

    def radii(self, shape: Sequence[int]) -> list[int]:
        radii = super().radii(shape)
        return [0, *radii[1:]] if len(radii) == 3 else radii
