import dataclasses
import functools
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import SimpleITK as sitk
import tensorflow as tf

import pairreg
from pairreg.optimization import compiled_level
from pairreg.optimization.compiled_grids import CompiledGrids
from pairreg.optimization.observer import Observer
from pairreg.regularizer.base import Regularizer
from pairreg.schedule.coarse_to_fine import CoarseToFine
from pairreg.schedule.single_level import SingleLevel
from pairreg.similarity.base import Similarity

LONGER = {"preprocessing": "minmax", "initialization": "none", "schedule": SingleLevel(iterations=120)}
SHORT = {"preprocessing": "minmax", "initialization": "none", "schedule": SingleLevel(iterations=5)}


@pytest.mark.parametrize("transform", pairreg.options("transform"))
def test_the_same_run_twice_gives_the_same_bytes(warped_2d, transform):
    runs = [
        pairreg.register(warped_2d.pair(), transform=transform, seed=3, **SHORT | {"similarity": ["pcc", "ssim"]})
        for _ in range(2)
    ]
    assert runs[0].field.tobytes() == runs[1].field.tobytes()
    assert np.abs(runs[0].field).max() > 0
    np.testing.assert_array_equal(runs[0].history.rows, runs[1].history.rows)


def test_compiled_steps_are_reused_whatever_the_weight(warped_2d, monkeypatch):
    compiled = CompiledGrids()
    built: list[str] = []
    for name in ("CompiledGrid", "CompiledLevel"):
        original = getattr(compiled_level, name).__init__
        counted = functools.partialmethod(_count, built, name, original)
        monkeypatch.setattr(getattr(compiled_level, name), "__init__", counted)
    for weight in (0.1, 0.2, 0.3):
        regularizer = pairreg.build("regularizer/diffusion", weight=weight)
        result = pairreg.register(
            warped_2d.pair(),
            transform="displacement",
            similarity="ncc",
            regularizer=regularizer,
            compiled=compiled,
            **SHORT,
        )
        loss, ncc, diffusion = (result.history[n] for n in ("loss", "similarity/ncc", "regularizer/diffusion"))
        np.testing.assert_allclose(loss, ncc + weight * diffusion, rtol=1e-5)
    assert built == ["CompiledGrid", "CompiledLevel"] and len(compiled) == 1


def _count(self, built, name, original, *arguments):
    built.append(name)
    original(self, *arguments)


def test_a_run_inside_another_one_changes_nothing(warped_2d):
    """An observer that registers the same pair, with the same compiled parts, in the middle of a run."""

    class Nested(Observer):
        inner = None

        def rows(self, start, rows):
            if self.inner is None:
                self.inner = pairreg.register(warped_2d.pair(), transform="displacement", seed=1, **SHORT)

    nested = Nested()
    compiled = CompiledGrids()
    alone, outer = (
        pairreg.register(
            warped_2d.pair(),
            transform="displacement",
            similarity="mse",
            observers=watching,
            compiled=compiled,
            **LONGER,
        )
        for watching in ([], [nested])
    )
    np.testing.assert_array_equal(outer.field, alone.field)
    assert nested.inner is not None and np.abs(nested.inner.field).max() > 0


def test_runs_in_threads_do_not_share_their_variables(warped_2d):
    pairs = [warped_2d.pair(), dataclasses.replace(warped_2d.pair(), fixed=warped_2d.pair().moving)]
    compiled = CompiledGrids()

    def field(pair):
        return pairreg.register(pair, transform="displacement", similarity="mse", compiled=compiled, **LONGER).field

    alone = [field(pair) for pair in pairs]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(field, pairs * 2))
    for found, expected in zip(together, alone * 2, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_compiled_grids_are_bounded_and_can_be_cleared(warped_2d):
    compiled = CompiledGrids(capacity=2)
    grids = []
    for stride in (1, 2, 3):
        transform = pairreg.build("transform/displacement", stride=stride)
        pairreg.register(warped_2d.pair(), transform=transform, similarity="mse", compiled=compiled, **SHORT)
        grids.append(weakref.ref(next(reversed(compiled._idle.values()))[0]))
    assert len(compiled) == 2
    assert grids[0]() is None and grids[1]() is not None, "the one that was not used for longest is forgotten"
    compiled.clear()
    assert len(compiled) == 0 and all(grid() is None for grid in grids)


def test_every_term_is_recorded_unweighted_for_every_iteration(warped_2d):
    result = pairreg.register(
        warped_2d.pair(),
        transform="displacement",
        similarity=[pairreg.build("similarity/mse", weight=3.0), "pcc"],
        regularizer=["diffusion", "bending_energy", "none"],
        **SHORT | {"schedule": CoarseToFine(scales=[2, 1], iterations=[60, 7])},
    )
    names = ["similarity/mse", "similarity/pcc", "regularizer/diffusion", "regularizer/bending_energy"]
    assert result.history.names == ["loss", *names, "gradient_norm", "level"]
    assert len(result.history) == result.metrics["iterations"] == 67
    np.testing.assert_array_equal(result.history["level"], [1] * 60 + [2] * 7)
    weighted = 3 * result.history["similarity/mse"] + result.history["similarity/pcc"]
    weighted += 2 * result.history["regularizer/diffusion"] + 100 * result.history["regularizer/bending_energy"]
    np.testing.assert_allclose(result.history["loss"], weighted, rtol=1e-5)
    assert result.history.formula == "loss = 3 × mse + pcc + 2 × diffusion + 100 × bending_energy"


def test_observers_see_every_row_once(warped_2d):
    seen = []

    class Watcher(Observer):
        def weigh(self, weights):
            seen.append(weights)

        def rows(self, start, rows):
            seen.extend(range(start, start + len(rows)))

    pairreg.register(
        warped_2d.pair(),
        transform=pairreg.build("transform/displacement", symmetric=True),
        similarity="mse",
        regularizer=pairreg.build("regularizer/diffusion", weight=[4.0]),
        observers=[Watcher()],
        **SHORT | {"schedule": SingleLevel(iterations=120)},
    )
    weights = {"similarity/mse": 1, "regularizer/diffusion": 4, "regularizer/inverse_consistency": 0.1}
    assert seen == [[weights], *range(120)]


def test_a_converged_level_ends_early(warped_2d):
    same = dataclasses.replace(warped_2d.pair(), moving=warped_2d.image("fixed"))
    result = pairreg.register(
        same,
        transform="displacement",
        similarity="mse",
        **SHORT | {"schedule": SingleLevel(iterations=500, tolerance=1e-3)},
    )
    assert len(result.history) < 200
    assert np.abs(result.field).max() < 0.1  # Adam divides noise by its own size: it wanders, by less than one step


@dataclasses.dataclass(frozen=True, kw_only=True)
class Breaks(Similarity):
    """NaN once the images match better than at the start."""

    def loss(self, fixed, warped, mask):
        mse = tf.reduce_mean((fixed - warped) ** 2)
        return tf.where(mse < 0.01, tf.constant(np.nan, tf.float32), mse)


def test_a_term_that_becomes_nan_is_named_and_the_result_so_far_is_kept(warped_2d):
    with pytest.raises(
        pairreg.DivergedError, match=r"similarity/breaks became nan at iteration \d+ \(level 1\)"
    ) as info:
        pairreg.register(
            warped_2d.pair(),
            transform="displacement",
            similarity={"breaks": Breaks()},
            **SHORT | {"schedule": SingleLevel(iterations=300)},
        )
    result = info.value.result
    assert 1 < len(result.history) < 300
    assert np.isfinite(result.history["loss"][:-1]).all() and np.isnan(result.history["loss"][-1])
    assert np.isfinite(result.field).all()


@dataclasses.dataclass(frozen=True, kw_only=True)
class SteepAtZero(Regularizer):
    """Finite, with an infinite gradient: the root of what is 0 at the start."""

    def penalty(self, field, spacing, stiffness=None):
        return tf.sqrt(tf.reduce_sum(field**2))


def test_a_gradient_that_is_not_finite_stops_the_run_before_it_spoils_the_field(warped_2d):
    with pytest.raises(pairreg.DivergedError, match="gradient_norm became nan at iteration 1"):
        pairreg.register(warped_2d.pair(), transform="displacement", regularizer={"steep": SteepAtZero()}, **SHORT)


def test_masked_voxels_do_not_matter(warped_2d):
    mask = np.ones(warped_2d.fixed.shape, np.uint8)
    mask[:, 36:] = 0
    pair = dataclasses.replace(warped_2d.pair(), fixed_mask=sitk.GetImageFromArray(mask))
    spoiled = warped_2d.fixed.copy()
    spoiled[:, 36:] = np.random.default_rng(0).uniform(size=spoiled[:, 36:].shape)
    other = dataclasses.replace(pair, fixed=sitk.GetImageFromArray(spoiled))
    fields = [pairreg.register(p, transform="displacement", similarity="ncc", **SHORT).field for p in (pair, other)]
    np.testing.assert_allclose(fields[0], fields[1], atol=1e-6)


def test_images_that_do_not_overlap_are_refused(warped_2d):
    far = warped_2d.image("moving")
    far.SetOrigin([1000, 1000])
    with pytest.raises(pairreg.InputError, match="do not overlap"):
        pairreg.register(dataclasses.replace(warped_2d.pair(), moving=far), **SHORT)


def test_the_same_term_twice_is_refused(warped_2d):
    with pytest.raises(pairreg.InputError, match="'ncc' is listed twice"):
        pairreg.register(warped_2d.pair(), similarity=["ncc", "ncc"])


def test_the_library_needs_neither_hydra_nor_mlflow(warped_2d):
    import subprocess

    code = (
        "import sys, pairreg; pairreg.register; pairreg.build('similarity/ncc'); pairreg.load_pair;"
        "from pairreg.optimization import optimize; pairreg.metrics.dice;"
        "sys.exit(bool({'hydra', 'mlflow', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(3, 20, 24), (20, 7)])
@pytest.mark.parametrize("transform", pairreg.options("transform"))
def test_thin_and_small_images_are_no_obstacle(shape, transform):
    rng = np.random.default_rng(0)
    images = [sitk.GetImageFromArray(rng.uniform(size=shape).astype(np.float32)) for _ in range(2)]
    pair = pairreg.Pair(name="thin", fixed=images[0], moving=images[1])
    schedule = CoarseToFine(scales=[2, 1], iterations=[2, 2])
    result = pairreg.register(pair, initialization="none", transform=transform, similarity="ssim", schedule=schedule)
    assert np.isfinite(result.field).all()
