"""Terms on other data than the images: maps (channels, labels, densities) that move with the field, and points."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pairreg.arrays import FieldTensor, ImageTensor, MaskTensor
from pairreg.backend import Tensor, compiled, tf
from pairreg.similarity.base import Similarity
from pairreg.similarity.landmarks import Landmarks
from pairreg.transform.jacobian import determinant
from pairreg.transform.warp import inner, usable_cells, warp

Constrain = Callable[[FieldTensor, Tensor], FieldTensor]  # what regularisers make of a field, given the spacing


class Maps(NamedTuple):
    """The maps that one similarity compares on one level: a channel, densities, or one soft map per label."""

    fixed: Tensor  # (*shape, maps)
    moving: Tensor  # (*shape, maps), or larger along the spatial axes
    before: Tensor  # (ndim,) int32, voxels of the moving maps before the first one of the fixed maps
    mask: MaskTensor  # bool (*shape,), voxels that count
    usable: MaskTensor  # bool, interpolation cells of the moving maps that count
    shares: Tensor  # (maps,), how much each counts in the mean; the sum is 1

    def reversed(self) -> "Maps":
        """Return the maps of the other direction: the moving ones on the grid, without what lies beyond it."""
        shape = self.mask.shape
        inside = [*shape, self.moving.shape[-1]]  # Python numbers, also in a graph
        return self._replace(
            fixed=inner(self.moving, tf.concat([self.before, [0]], 0), inside),
            moving=self.fixed,
            before=tf.zeros_like(self.before),
            mask=inner(self.usable, self.before, shape),
            usable=usable_cells(self.mask),
        )


class Points(NamedTuple):
    """Corresponding points on one level; point i is at the distance `|matrices[i] u + offsets[i]|` mm."""

    cells: Tensor  # (n, 2^ndim) flat indices of the voxels around each fixed point
    parts: Tensor  # (n, 2^ndim) their weights in the linear interpolation of u
    target_cells: Tensor  # likewise around each moving point, carried back through the initialisation
    target_parts: Tensor
    matrices: Tensor  # (n, ndim, ndim), mm in the space of the moving image per voxel of the level
    offsets: Tensor  # (n, ndim) mm, the difference without a deformation

    def reversed(self) -> "Points":
        """Return the points of the other direction."""
        return self._replace(
            cells=self.target_cells,
            parts=self.target_parts,
            target_cells=self.cells,
            target_parts=self.parts,
            offsets=-self.offsets,
        )


def map_programs(term: Similarity, constrain: Constrain) -> Callable[..., tuple[Tensor, Tensor]]:
    """Compile a similarity on maps: a function of the field, `Maps` and the spacing that gives value and derivative.

    There are three programs, as for the images: see `pairreg.optimization.objective.Programs`.
    """

    def warped_of(field: FieldTensor, maps: Maps) -> tuple[Tensor, MaskTensor]:
        warped, covered = warp(maps.moving, field, maps.usable, maps.before)
        return (warped * determinant(field)[..., None] if term.mass_preserving else warped), covered & maps.mask

    def warped_and_mask(field: FieldTensor, maps: Maps, spacing: Tensor) -> tuple[Tensor, MaskTensor]:
        return warped_of(constrain(field, spacing), maps)

    def compared(warped: Tensor, mask: MaskTensor, maps: Maps) -> tuple[Tensor, Tensor]:
        def one(images: tuple[ImageTensor, ImageTensor, Tensor]) -> tuple[Tensor, Tensor]:
            fixed, moved, share = images
            with tf.GradientTape() as tape:
                tape.watch(moved)
                value = tf.cast(term(fixed, moved, mask), moved.dtype) * share
            return value, tape.gradient(value, moved, unconnected_gradients="zero")

        ndim = len(mask.shape)
        maps_first, maps_last = [ndim, *range(ndim)], [*range(1, ndim + 1), 0]
        each = tf.transpose(maps.fixed, maps_first), tf.transpose(warped, maps_first), maps.shares
        # A loop, and not a graph for each of perhaps a hundred labels.
        values, slopes = tf.map_fn(one, each, fn_output_signature=(warped.dtype, warped.dtype))
        return tf.reduce_sum(values), tf.transpose(slopes, maps_last)

    def pulled_back(field: FieldTensor, by_warped: Tensor, maps: Maps, spacing: Tensor) -> Tensor:
        with tf.GradientTape() as tape:
            tape.watch(field)
            total = tf.reduce_sum(warped_of(constrain(field, spacing), maps)[0] * by_warped)
        return tape.gradient(total, field)

    warp_, compare, pull_back = compiled(warped_and_mask), compiled(compared), compiled(pulled_back)

    def value_and_gradient(field: FieldTensor, maps: Maps, spacing: Tensor) -> tuple[Tensor, Tensor]:
        value, by_warped = compare(*warp_(field, maps, spacing), maps)
        return value, pull_back(field, by_warped, maps, spacing)

    return value_and_gradient


def point_program(term: Landmarks, constrain: Constrain) -> Callable[..., tuple[Tensor, Tensor]]:
    """Compile a term on points: a function of the field, `Points` and the spacing that gives value and derivative."""

    def value_and_gradient(field: FieldTensor, points: Points, spacing: Tensor) -> tuple[Tensor, Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(field)
            around = tf.gather(tf.reshape(constrain(field, spacing), [-1, field.shape[-1]]), points.cells)
            u = tf.reduce_sum(around * points.parts[..., None], axis=1)
            value = term(tf.linalg.matvec(points.matrices, u) + points.offsets)
        return value, tf.convert_to_tensor(tape.gradient(value, field))

    program: Callable[..., Any] = compiled(value_and_gradient)
    return program
