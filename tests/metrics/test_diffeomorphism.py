import itertools

import numpy as np
import pytest

from pairreg.metrics import ndv_percent, non_diffeomorphic_volume

SHAPES = {2: (9, 12), 3: (7, 8, 9)}

# both ways to cut a square into 2 triangles, and a cube into 5 tetrahedra, as corners of the unit cell
TRIANGLES = [
    [[(0, 0), (1, 0), (0, 1)], [(1, 1), (0, 1), (1, 0)]],
    [[(1, 0), (1, 1), (0, 0)], [(0, 1), (0, 0), (1, 1)]],
]


def noise(shape: tuple[int, ...], amplitude: float) -> np.ndarray:
    field = np.random.default_rng(0).uniform(-amplitude, amplitude, (*shape, len(shape)))
    return field.astype(np.float32)


def tetrahedra(parity: int) -> list[list[tuple[int, ...]]]:
    """The 4 corner tetrahedra at corners of one parity, and the middle one."""
    corners = [c for c in itertools.product((0, 1), repeat=3)]
    tips = [c for c in corners if sum(c) % 2 == parity]
    middle = [c for c in corners if sum(c) % 2 != parity]
    around = [[tip] + [tuple(np.bitwise_xor(tip, e)) for e in np.eye(3, dtype=int)] for tip in tips]
    return [*around, middle]


CUTS = {2: TRIANGLES, 3: [tetrahedra(0), tetrahedra(1)]}


def signed_volume(points: np.ndarray) -> float:
    return float(np.linalg.det(points[1:] - points[0])) / (2 if len(points) == 3 else 6)


def turned_over(position: np.ndarray, cell: tuple[int, ...]) -> float:
    """From the vertices of the deformed cell; a simplex is turned over if its sign is not that of the resting one."""
    ways = []
    for cut in CUTS[len(cell)]:
        volume = 0.0
        for simplex in cut:
            rest = signed_volume(np.array(simplex, float))
            now = signed_volume(np.array([position[tuple(np.add(cell, c))] for c in simplex]))
            volume += max(-now * np.sign(rest), 0)
        ways.append(volume)
    return float(np.mean(ways))


@pytest.mark.parametrize("ndim", [2, 3])
def test_each_way_to_cut_fills_the_cell(ndim: int) -> None:
    for cut in CUTS[ndim]:
        assert sum(abs(signed_volume(np.array(s, float))) for s in cut) == pytest.approx(1)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("amplitude", [0.7, 2.0])
def test_volume_equals_that_of_the_deformed_simplices(ndim: int, amplitude: float) -> None:
    field = noise(SHAPES[ndim], amplitude)
    position = np.moveaxis(np.indices(SHAPES[ndim]), 0, -1) + field.astype(float)
    ours = non_diffeomorphic_volume(field)
    expected = np.array([turned_over(position, cell) for cell in np.ndindex(*ours.shape)]).reshape(ours.shape)
    assert expected.max() > 0
    assert ours == pytest.approx(expected, abs=1e-5)
    assert ndv_percent(field) == pytest.approx(100 * expected.mean(), rel=1e-4)


@pytest.mark.parametrize("ndim", [2, 3])
def test_one_mirrored_column_of_cells_counts_its_volume(ndim: int) -> None:
    # planes 4 and 5 trade places: the cells between them are mirrored, volume 1; those beside are stretched to 2
    field = np.zeros((*SHAPES[ndim], ndim), np.float32)
    field[4, ..., 0], field[5, ..., 0] = 1, -1
    volume = non_diffeomorphic_volume(field)
    assert volume[4] == pytest.approx(1)
    assert np.delete(volume, 4, axis=0) == pytest.approx(0)
    assert ndv_percent(field) == pytest.approx(100 / (SHAPES[ndim][0] - 1))


@pytest.mark.parametrize("ndim", [2, 3])
def test_one_displaced_voxel_has_the_volume_of_its_simplices(ndim: int) -> None:
    field = np.zeros((*(7,) * ndim, ndim), np.float32)
    field[(3,) * ndim + (0,)] = 1.5
    position = np.moveaxis(np.indices((7,) * ndim), 0, -1) + field.astype(float)
    expected = sum(turned_over(position, cell) for cell in np.ndindex(*(6,) * ndim))
    assert non_diffeomorphic_volume(field).sum() == pytest.approx(expected)
    if ndim == 2:  # in both cells ahead the triangles at the voxel and at the point it passed, (1.5 - 1)/2 each
        assert expected == pytest.approx(2 * (0.25 + 0.25) / 2)


def test_only_cells_inside_the_mask_count() -> None:
    field = np.zeros((8, 8, 2), np.float32)
    field[4, :, 0], field[5, :, 0] = 1, -1
    mask = np.zeros((8, 8))
    mask[4:6, 2:5] = 1
    assert ndv_percent(field, mask) == 100
    mask[3:6, 2:5] = 1
    assert ndv_percent(field, mask) == 50


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_cell_counts_if_all_of_its_corners_are_in_the_mask(ndim: int) -> None:
    field, mask = noise(SHAPES[ndim], 2.0), np.random.default_rng(1).random(SHAPES[ndim]) > 0.2
    volume = non_diffeomorphic_volume(field)
    corners = list(itertools.product((0, 1), repeat=ndim))
    inside = [cell for cell in np.ndindex(*volume.shape) if all(mask[tuple(np.add(cell, c))] for c in corners)]
    assert 0 < len(inside) < volume.size
    expected = 100 * np.mean([volume[cell] for cell in inside], dtype=float)
    assert ndv_percent(field, mask) == pytest.approx(expected, rel=1e-5)


def test_mirrored_and_stretched_counts_more_than_once() -> None:
    x = np.indices((6, 6))[0]
    field = np.stack([-3.0 * x, np.zeros((6, 6))], axis=-1)  # φ_0 = -2 x_0
    assert ndv_percent(field) == pytest.approx(200)
