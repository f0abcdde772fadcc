"""The phantom: organs painted one over the other onto a grid."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from pairreg.pair.phantom import body, girdles, organs, ribcage, spine
from pairreg.pair.phantom.block import Block
from pairreg.pair.phantom.shapes import Dilation, Shape, without
from pairreg.pair.phantom.texture import texture
from pairreg.pair.phantom.variation import Anatomy


@cache
def table() -> Mapping[str, Any]:
    """Return `tissues.yaml`: tissues with their values, organs with their label and tissue."""
    text = (files("pairreg.pair.phantom") / "tissues.yaml").read_text()
    content: Any = OmegaConf.to_container(OmegaConf.create(text))
    return content


def label_names() -> dict[int, str]:
    """Return the names of all organs by their label."""
    return {organ["label"]: name for name, organ in table()["organs"].items() if organ["label"]}


@dataclass(frozen=True)
class Torso:
    """`labels` (int16) and `values` of every quantity (`hu`, `mu`, `activity`) (float32), arrays `(z, y, x)`."""

    labels: np.ndarray
    values: Mapping[str, np.ndarray]


def _layers(anatomy: Anatomy) -> Iterator[tuple[str, Shape]]:
    """Yield organ names and shapes in the order of painting: what comes later covers what came before."""
    scale, cage = anatomy.organ_scale, body.cage()
    chest = body.cavity(cage)
    yield "fat", Dilation(body.muscle(), anatomy.fat)
    yield "muscle", body.muscle()
    yield "body", without(chest, spine.beside(), soft=6)
    yield "muscle", organs.psoas()
    right, left = organs.lung(-1, chest, scale), organs.lung(1, chest, scale, anatomy.left_lung)
    yield "lung_right", right
    yield "lung_left", left
    yield "lung_vessels", organs.lung_vessels(cage, [right, left])
    yield "liver", organs.liver(chest, scale)
    yield "spleen", organs.spleen(chest, scale)
    yield "stomach", organs.stomach(scale)
    yield "kidney_right", organs.kidney(-1, scale)
    yield "kidney_left", organs.kidney(1, scale)
    yield "bladder", organs.bladder(scale)
    yield "heart", organs.heart(scale)
    yield "aorta", organs.aorta()
    yield "trachea", organs.trachea()
    yield "cartilage", ribcage.cartilage(cage)
    yield "ribs", ribcage.ribs(cage)
    yield "sternum", ribcage.sternum(cage)
    yield "clavicles", girdles.clavicles(cage)
    yield "scapulae", girdles.scapulae(cage)
    yield "humeri", girdles.humeri()
    yield "pelvis", girdles.pelvis()
    yield "femurs", girdles.femurs()
    yield "discs", spine.discs()
    yield "spine", spine.spine()
    yield "spinal_canal", spine.canal()


def paint(points: Block, anatomy: Anatomy, edge: float, structure: float = 0.0, missing: Collection[str] = ()) -> Torso:
    """Return the phantom at `points`.

    **Arguments:** `edge`: width in mm over which the values of neighbours blend, a voxel: the partial-volume effect.
    Labels have sharp edges. `structure`: standard deviation in HU of the texture of all tissues but air. `missing`:
    organs that are left out.
    """
    parts = table()["organs"]
    tissues = {name: {**values, "solid": float(name != "air")} for name, values in table()["tissues"].items()}
    labels = np.zeros(points.shape, np.int16)
    values = {quantity: np.full(points.shape, value, np.float32) for quantity, value in tissues["air"].items()}
    for name, shape in _layers(anatomy):
        if name in missing or not (cut := points.crop(shape.box[0] - edge, shape.box[1] + edge)):
            continue
        where, inside = cut
        distance, organ = shape.distance(inside, edge), parts[name]
        if organ["label"]:
            labels[where][distance < 0] = organ["label"]
        # A bone is painted twice: whole as cortical bone, then what lies deeper than the shell as trabecular bone.
        shell = organ.get("shell", 0.0)
        if shell:
            _blend(values, where, distance, tissues["cortical"], edge)
        _blend(values, where, distance + np.float32(shell), tissues[organ["tissue"]], edge)
    solid = values.pop("solid")
    if structure:
        values["hu"] += np.float32(structure) * solid * texture(points)
    return Torso(labels, values)


def _blend(
    values: Mapping[str, np.ndarray], where: Any, distance: np.ndarray, tissue: Mapping[str, float], edge: float
) -> None:
    """Put a tissue where `distance` is negative, in part across an edge."""
    fraction = np.clip(0.5 - distance / np.float32(edge), 0, 1)
    for quantity, array in values.items():
        array[where] += fraction * (np.float32(tissue[quantity]) - array[where])
