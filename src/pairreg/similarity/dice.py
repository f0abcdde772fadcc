"""Soft Dice overlap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, final

from pairreg.arrays import ImageTensor, MaskTensor, Scalar
from pairreg.backend import tf
from pairreg.markers import Neutral
from pairreg.similarity.base import LABELS, Similarity, outside_of_0_to_1, tiny, total
from pairreg.validation import NonNegative, SettingError


@final
@dataclass(frozen=True, kw_only=True)
class Dice(Similarity):
    """Compares label maps by 1 less their soft Dice overlap, `1 - 2 Σ f w / (Σ f² + Σ w²)`, the mean over labels.

    The loss goes from 0 (best: equal maps, soft ones included) to 1 (disjoint); of maps that are 0 or 1 it is 1 less
    the Dice overlap. Two empty maps have nothing to compare: the loss is 1 and its gradient 0.

    **Arguments:** `on`: `labels`, or a channel that holds one soft map from 0 to 1, such as a tissue probability.
    `label_weights`: how much labels count in the mean, by name or value; those that are not named are left out, and
    remain for the evaluation. None: all labels, equally.

    Source: Milletari et al., 3DV 2016:565.
    """

    on: Annotated[str, Neutral(LABELS)] = LABELS
    label_weights: Mapping[str | int, NonNegative] | None = None

    def problem(self) -> str | None:
        if self.label_weights is not None and not any(self.label_weights.values()):
            return "label_weights should have a weight above 0, such as {1: 1.0}."
        return super().problem()

    def unfit_range(self, low: float, high: float) -> str | None:
        return outside_of_0_to_1(low, high)

    def loss(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor) -> Scalar:
        squares = total(fixed * fixed) + total(warped * warped)
        return 1 - 2 * total(fixed * warped) / tf.maximum(squares, tiny(fixed))

    def label_shares(self, labels: Sequence[int], names: Mapping[int, str]) -> Sequence[float]:
        if self.label_weights is None:
            return super().label_shares(labels, names)
        number = {name: label for label, name in names.items()}
        shares = dict.fromkeys(labels, 0.0)
        for key, weight in self.label_weights.items():
            label = number.get(str(key), key)
            known = next((one for one in labels if str(one) == str(label)), None)
            if known is None:
                there = ", ".join(str(names.get(one, one)) for one in labels)
                raise SettingError(f"label_weights names {key!r}; both label maps have {there}.")
            shares[known] = float(weight)
        return list(shares.values())
