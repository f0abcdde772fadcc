"""The image of a known phantom against its activity."""

import numpy as np
import pytest
from scipy import ndimage

from pairreg import InputError, geometry
from pairreg.pair.phantom import phantom
from pairreg.pair.phantom.pair import make_grid
from pairreg.pair.phantom.torso import label_names
from pairreg.spect import Camera, Projector, draw_lesions, osem, simulate

SPACING = (5.0, 5.0, 5.0)
NUMBER = {name: label for label, name in label_names().items()}


@pytest.fixture(scope="module")
def trunk() -> dict[str, np.ndarray]:
    """Lung bases to hips at 5 mm."""
    body = phantom(make_grid((80, 56, 72), 5.0, 60.0, 3))
    return {name: geometry.array(getattr(body, name)) for name in ("activity", "mu", "labels")}


@pytest.fixture(scope="module")
def noise_free(trunk: dict[str, np.ndarray]) -> np.ndarray:
    return simulate(trunk["activity"], trunk["mu"], SPACING, counts=None, smoothing=0.0)


@pytest.mark.parametrize("organ", ["liver", "spleen", "stomach", "kidney_right", "kidney_left", "bladder"])
def test_large_organs_have_their_uptake(trunk: dict[str, np.ndarray], noise_free: np.ndarray, organ: str) -> None:
    inside = trunk["labels"] == NUMBER[organ]
    assert inside.sum() > 900
    assert noise_free[inside].mean() == pytest.approx(trunk["activity"][inside].mean(), rel=0.1)


def test_soft_tissue_away_from_hot_organs_has_its_uptake(trunk: dict[str, np.ndarray], noise_free: np.ndarray) -> None:
    """Beside bone, kidneys and bladder the resolution of the camera adds what these lose."""
    for organ in ("body", "muscle"):
        inside = ndimage.binary_erosion(trunk["labels"] == NUMBER[organ], iterations=2)
        assert inside.sum() > 5000
        assert noise_free[inside].mean() == pytest.approx(trunk["activity"][inside].mean(), rel=0.1)


def test_what_bones_lose_is_beside_them(trunk: dict[str, np.ndarray], noise_free: np.ndarray) -> None:
    """Vertebrae are as small as the resolution: of their uptake a fifth is missing, but none of the body's."""
    spine = trunk["labels"] == NUMBER["spine"]
    assert 0.7 < noise_free[spine].mean() / trunk["activity"][spine].mean() < 0.9
    assert noise_free.sum(dtype=float) == pytest.approx(trunk["activity"].sum(dtype=float), rel=0.02)


def test_without_attenuation_and_blur_osem_finds_the_activity_of_a_slice() -> None:
    activity = np.zeros((1, 40, 48), np.float32)
    activity[0, 12:30, 10:24], activity[0, 18:24, 30:40] = 2.0, 5.0
    projector = Projector(np.zeros_like(activity), SPACING, Camera(views=60, hole=0.0, intrinsic=0.0))
    image = osem(projector, projector.forward(activity), iterations=20)
    assert np.abs(image - activity).mean() < 0.06 * activity.mean()


def test_noise_has_a_seed_and_falls_with_counts(trunk: dict[str, np.ndarray]) -> None:
    slab = {name: values[45:48] for name, values in trunk.items()}
    liver = ndimage.binary_erosion(slab["labels"] == NUMBER["liver"], np.ones((1, 3, 3)), iterations=2)

    def scan(**options: float) -> np.ndarray:
        return simulate(slab["activity"], slab["mu"], SPACING, **options)

    one = scan(counts=3e5)
    assert one.dtype == np.float32 and one.tobytes() == scan(counts=3e5).tobytes()
    assert (one != scan(counts=3e5, seed=1)).any()
    truth = scan(counts=None)
    noise = [np.std((image - truth)[liver]) for image in (one, scan(counts=3e7))]
    assert noise[0] / noise[1] == pytest.approx(10, rel=0.5), "the root of a hundred times the counts"


def test_lesions_are_brighter_than_bone_and_nothing_else_is(trunk: dict[str, np.ndarray]) -> None:
    slab = {name: values[38:50] for name, values in trunk.items()}
    bone = slab["labels"] == NUMBER["spine"]
    lesions = draw_lesions(bone, SPACING, count=1, seed=0)
    hot = lesions.insert(slab["activity"], 10.0)
    plain, seen = (simulate(activity, slab["mu"], SPACING, counts=None) for activity in (slab["activity"], hot))
    added = ndimage.gaussian_filter(seen - plain, 1)
    place = np.argwhere(lesions.mask).mean(axis=0)
    assert np.linalg.norm(np.array(np.unravel_index(added.argmax(), added.shape)) - place) < 1.5
    extra = (hot - slab["activity"]).sum()
    assert (seen - plain).sum() == pytest.approx(extra, rel=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activity": np.zeros((1, 9, 9))}, "activity is 0 everywhere"),
        ({"activity": np.ones((1, 9, 8))}, r"shapes \(1, 9, 8\), \(1, 9, 9\)"),
        ({"attenuation": np.full((1, 9, 9), -1.0)}, "attenuation has values below 0"),
        ({"counts": -1.0}, "counts above 0"),
        ({"subsets": 7}, "60 views do not make 7 equal subsets"),
    ],
)
def test_bad_input_is_said(change: dict[str, object], message: str) -> None:
    given = {"activity": np.ones((1, 9, 9)), "attenuation": np.zeros((1, 9, 9)), "spacing": SPACING} | change
    with pytest.raises(InputError, match=message):
        simulate(**given)  # type: ignore[arg-type]
