"""Values against independent implementations: scikit-image, SimpleITK, tf.image, and loops in NumPy."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter, uniform_filter
from skimage.metrics import normalized_mutual_information, structural_similarity

from pairreg.backend import tf
from similarity_helpers import Array, pair, some_mask, value

each_shape = pytest.mark.parametrize("shape", [(40, 33), (19, 24, 17)], ids=["2d", "3d"])


def local_r(fixed: Array, warped: Array, mask: Array, taps: Array) -> Array:
    """Pearson's r of each voxel in the mask, window by window."""
    radius = len(taps) // 2
    result = []
    for centre in np.argwhere(mask):
        part = tuple(slice(max(c - radius, 0), c + radius + 1) for c in centre)
        cut = [taps[max(radius - c, 0) : radius + n - c] for c, n in zip(centre, mask.shape, strict=True)]
        weights = np.einsum("i,j,k->ijk" if mask.ndim == 3 else "i,j->ij", *cut)[mask[part]]
        c = np.cov(fixed[part][mask[part]], warped[part][mask[part]], aweights=weights, ddof=0)
        result.append(c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]))
    return np.array(result)


@pytest.mark.parametrize("shape", [(20, 16), (11, 12, 10)], ids=["2d", "3d"])
@pytest.mark.parametrize("kernel", ["box", "gaussian"])
def test_ncc_is_the_mean_over_windows(shape: tuple[int, ...], kernel: str) -> None:
    (fixed, warped), mask = pair(shape), some_mask(shape)
    taps = np.ones(7) if kernel == "box" else np.exp(-0.5 * (np.arange(-3, 4) / (7 / 6)) ** 2)
    r = local_r(fixed, warped, mask, taps)
    # flat_variance holds 1e-5 of the image's variance against each window's
    near = dict(abs=1e-3)
    assert value("ncc", fixed, warped, mask, window=7, kernel=kernel) == pytest.approx(1 - np.mean(r**2), **near)
    assert value("ncc", fixed, warped, mask, window=7, kernel=kernel, signed=True) == pytest.approx(
        1 - np.mean(r), **near
    )


@each_shape
@pytest.mark.parametrize("masked", [False, True])
def test_ncc_is_that_of_scipy(shape: tuple[int, ...], masked: bool) -> None:
    fixed, warped = pair(shape)
    mask = some_mask(shape) if masked else np.ones(shape, bool)
    share = uniform_filter(mask.astype(float), 9, mode="constant")

    def mean(x: Array) -> Array:
        return uniform_filter(np.where(mask, x, 0), 9, mode="constant") / share

    floor_f, floor_w = (1e-5 * image[mask].var() for image in (fixed, warped))
    covariance = mean(fixed * warped) - mean(fixed) * mean(warped)
    variances = [mean(x * x) - mean(x) ** 2 + floor for x, floor in ((fixed, floor_f), (warped, floor_w))]
    r2 = covariance**2 / np.prod(variances, axis=0)
    assert value("ncc", fixed, warped, mask) == pytest.approx(1 - r2[mask].mean(), abs=1e-9)


@each_shape
def test_ncc_published_is_its_formula(shape: tuple[int, ...]) -> None:
    fixed, warped = pair(shape)
    f, w = (x - uniform_filter(x, 9, mode="constant") for x in (fixed, warped))
    expected = 1 - (f * w).sum() / (np.sqrt((f * f).sum() * (w * w).sum()) + 1e-5)
    assert value("ncc_published", fixed, warped) == pytest.approx(expected, abs=1e-9)
    # with a mask, the voxels outside are as black as those beyond the border
    mask = np.pad(np.ones([n - 6 for n in shape], bool), 3)
    inner = tuple(slice(3, -3) for _ in shape)
    cut = value("ncc_published", fixed[inner], warped[inner])
    assert value("ncc_published", fixed, warped, mask) == pytest.approx(cut, abs=1e-9)


@each_shape
def test_ssim_is_that_of_scikit_image(shape: tuple[int, ...]) -> None:
    fixed, warped = pair(shape)
    options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    expected = structural_similarity(fixed, warped, data_range=1.0, **options)
    assert value("ssim", fixed, warped) == pytest.approx(1 - expected, abs=1e-9)
    other = structural_similarity(fixed, warped, data_range=4.0, **options)
    assert value("ssim", fixed, warped, data_range=4.0) == pytest.approx(1 - other, abs=1e-9)


@each_shape
def test_ssim_slicewise_is_that_of_tensorflow(shape: tuple[int, ...]) -> None:
    fixed, warped = (image.astype(np.float32) for image in pair(shape))
    slices = [x[None, ..., None] if len(shape) == 2 else x[..., None] for x in (fixed, warped)]
    expected = 1 - np.mean(tf.image.ssim(*slices, max_val=1.0))
    assert value("ssim_slicewise", fixed, warped) == pytest.approx(expected, abs=2e-6)  # float32
    if len(shape) == 3:  # as the released scripts call it, with a batch and a channel axis
        whole = 1 - np.mean(tf.image.ssim(fixed[None, ..., None], warped[None, ..., None], max_val=1.0))
        assert value("ssim_slicewise", fixed, warped) == pytest.approx(whole, abs=2e-6)


@each_shape
@pytest.mark.parametrize("name", ["mi", "nmi"])
def test_intensities_beyond_the_range_count_at_its_end(shape: tuple[int, ...], name: str) -> None:
    fixed, warped = (2 * image - 0.5 for image in pair(shape))
    assert fixed.min() < 0 and fixed.max() > 1
    assert value(name, fixed, warped) == value(name, np.clip(fixed, 0, 1), np.clip(warped, 0, 1))


def entropies(fixed: Array, warped: Array, bins: int, sigma: float) -> list[float]:
    """By the full tables of voxels by bins."""
    centres = np.linspace(0, 1, bins)
    tables = [np.exp(-0.5 * ((x.reshape(-1, 1) - centres) * (bins - 1) / sigma) ** 2) for x in (fixed, warped)]
    f, w = (table / table.sum(axis=1, keepdims=True) for table in tables)
    joint = f.T @ w / len(f)
    return [float(-np.sum(p * np.log(p + 1e-300))) for p in (joint.sum(1), joint.sum(0), joint)]


@each_shape
@pytest.mark.parametrize(("bins", "sigma"), [(32, 1.0), (32, 0.5), (20, 2.0)])
def test_mi_and_nmi_are_those_of_full_parzen_tables(shape: tuple[int, ...], bins: int, sigma: float) -> None:
    (fixed, warped), mask = pair(shape), some_mask(shape)
    of_fixed, of_warped, both = entropies(fixed[mask], warped[mask], bins, sigma)
    # linear sharing among cells of σ/4 widens the windows by 0.5 %: the images look a little less alike
    mi = value("mi", fixed, warped, mask, bins=bins, sigma=sigma)
    assert mi == pytest.approx(both - of_fixed - of_warped, rel=0.01)
    nmi = value("nmi", fixed, warped, mask, bins=bins, sigma=sigma)
    assert 1 - nmi == pytest.approx((of_fixed + of_warped) / both - 1, rel=0.01)


@each_shape
def test_nmi_is_that_of_scikit_image(shape: tuple[int, ...]) -> None:
    """scikit-image counts in hard bins: equal for narrow windows, and images with one grey value per bin."""
    fixed, warped = (np.round(image * 31) / 31 for image in pair(shape))
    for image in (fixed, warped):  # its bins span the images, ours [0, 1]
        image[(0,) * len(shape)], image[(1,) * len(shape)] = 0, 1
    expected = 2 - normalized_mutual_information(fixed, warped, bins=32)
    assert value("nmi", fixed, warped, sigma=0.1) == pytest.approx(expected, abs=1e-8)
    assert value("nmi", fixed, warped) > expected  # Parzen windows of one bin blur the histogram


def itk(metric: str, fixed: Array, warped: Array, **arguments: int) -> float:
    method = sitk.ImageRegistrationMethod()
    getattr(method, f"SetMetricAs{metric}")(**arguments)
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInitialTransform(sitk.Transform(fixed.ndim, sitk.sitkIdentity))
    method.SetInterpolator(sitk.sitkLinear)
    return float(method.MetricEvaluate(sitk.GetImageFromArray(fixed), sitk.GetImageFromArray(warped)))


@each_shape
def test_values_of_simpleitk(shape: tuple[int, ...]) -> None:
    fixed, warped = pair(shape)
    assert value("mse", fixed, warped) == pytest.approx(itk("MeanSquares", fixed, warped), rel=1e-9)
    assert (1 - value("pcc", fixed, warped)) ** 2 == pytest.approx(-itk("Correlation", fixed, warped), rel=1e-9)
    for radius in (2, 4):  # ITK has no floor for flat windows; ours is 1e-5 of the image's variance
        ants = itk("ANTSNeighborhoodCorrelation", fixed, warped, radius=radius)
        assert value("ncc", fixed, warped, window=2 * radius + 1) - 1 == pytest.approx(ants, abs=2e-4)


@pytest.mark.parametrize("shape", [(64, 71), (30, 33, 36)], ids=["2d", "3d"])
@pytest.mark.parametrize("bins", [32, 50])
def test_mi_is_near_that_of_mattes(shape: tuple[int, ...], bins: int) -> None:
    """ITK's windows are a box for the fixed and a cubic B-spline for the moving image, its bins span the images.

    In the mean of both variances (1/12 and 1/3 bins²) that is a Gaussian of σ 0.46 bins; 10 % is what the shapes of the
    windows and the span of the bins are worth (the images fill 0.8 of [0, 1], so our bins are 1.25 of ITK's).
    """
    fixed, warped = pair(shape)
    mattes = itk("MattesMutualInformation", fixed, warped, numberOfHistogramBins=bins)
    assert value("mi", fixed, warped, bins=bins, sigma=0.43) == pytest.approx(mattes, rel=0.1)
    assert value("mi", fixed, warped, bins=bins) > mattes  # wider windows, less information


def ngf_by_numpy(fixed: np.ndarray, warped: np.ndarray, edge: float) -> float:
    """The formula of Haber & Modersitzki with `np.gradient`, which is central, and one-sided at the border."""
    f, w = (np.stack(np.gradient(image), -1) for image in (fixed, warped))
    norms = [(g**2).sum(-1) + edge**2 * (g**2).sum(-1).mean() for g in (f, w)]
    return float(1 - ((f * w).sum(-1) ** 2 / (norms[0] * norms[1])).mean())


def mind_by_loops(image: np.ndarray, radius: int, dilation: int, counted: np.ndarray | None = None) -> np.ndarray:
    """Descriptors `(pairs, *spatial)` from explicit shifts of the image with held borders.

    The floor of the variance is of the voxels that are `counted`.
    """
    width = dilation + radius
    padded = np.pad(image, width, mode="edge")

    def shifted(offset: np.ndarray) -> np.ndarray:
        return padded[tuple(slice(width + o, width + o + n) for o, n in zip(offset, image.shape, strict=True))]

    axes = [sign * dilation * unit for unit in np.eye(image.ndim, dtype=int) for sign in (1, -1)]
    patch = [np.array(p) for p in itertools.product(range(-radius, radius + 1), repeat=image.ndim)]
    distances = np.stack(
        [
            np.mean([(shifted(a + p) - shifted(b + p)) ** 2 for p in patch], axis=0)
            for a, b in itertools.combinations(axes, 2)
            if (a + b).any()  # not opposite each other
        ]
    )
    distances -= distances.min(0)
    mean = distances.mean(0)
    floor = 1e-3 * (mean if counted is None else mean[counted]).mean()
    return np.exp(-distances / np.maximum(mean, floor))


@pytest.mark.parametrize("shape", [(17, 21), (9, 10, 11)])
@pytest.mark.parametrize("edge", [0.1, 0.3])
def test_ngf_is_its_formula(shape: tuple[int, ...], edge: float) -> None:
    fixed, warped = np.random.default_rng(0).uniform(size=(2, *shape))
    expected = ngf_by_numpy(fixed, warped, edge)
    assert value("ngf", fixed, warped, edge=edge) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [(17, 21), (9, 10, 11)])
@pytest.mark.parametrize(("radius", "dilation"), [(0, 1), (1, 2), (2, 1)])
def test_mind_is_its_formula(shape: tuple[int, ...], radius: int, dilation: int) -> None:
    fixed, warped = np.random.default_rng(0).uniform(size=(2, *shape))
    f, w = (mind_by_loops(image, radius, dilation) for image in (fixed, warped))
    assert len(f) == {2: 4, 3: 12}[len(shape)]
    found = value("mind", fixed, warped, radius=radius, dilation=dilation)
    assert found == pytest.approx(((f - w) ** 2).mean(), rel=1e-9)


def test_mind_holds_faint_patches_against_a_thousandth_of_the_image() -> None:
    fixed, warped = np.random.default_rng(0).uniform(size=(2, 17, 40)) * np.geomspace(1, 1e-3, 40)
    f, w = (mind_by_loops(image, 1, 2) for image in (fixed, warped))
    assert value("mind", fixed, warped) == pytest.approx(((f - w) ** 2).mean(), rel=1e-9)


MASKED = pytest.mark.parametrize("shape", [(26, 31), (17, 15, 19)], ids=["2d", "3d"])


@MASKED
def test_mse_and_pcc_in_a_mask_are_those_of_its_voxels(shape: tuple[int, ...]) -> None:
    (fixed, warped), mask = pair(shape), some_mask(shape)
    assert value("mse", fixed, warped, mask) == pytest.approx(((fixed - warped)[mask] ** 2).mean(), rel=1e-12)
    r = np.corrcoef(fixed[mask], warped[mask])[0, 1]
    assert value("pcc", fixed, warped, mask) == pytest.approx(1 - r, rel=1e-9)


@MASKED
def test_ssim_in_a_mask_weighs_its_voxels(shape: tuple[int, ...]) -> None:
    (f, w), mask = pair(shape), some_mask(shape)
    inner = (slice(5, -5),) * len(shape)

    def mean(x: Array) -> Array:
        parts = (gaussian_filter(y, 1.5, truncate=5 / 1.5, mode="constant") for y in (mask * x, mask * 1.0))
        return np.divide(*(part[inner] for part in parts))

    mf, mw, c1, c2 = mean(f), mean(w), 0.01**2, 0.03**2
    brightness = (2 * mf * mw + c1) / (mf**2 + mw**2 + c1)
    contrast = (2 * (mean(f * w) - mf * mw) + c2) / (mean(f * f) - mf**2 + mean(w * w) - mw**2 + c2)
    expected = 1 - (brightness * contrast)[mask[inner]].mean()
    assert value("ssim", f, w, mask) == pytest.approx(expected, rel=1e-9)


@MASKED
def test_ngf_in_a_mask_takes_differences_within_it(shape: tuple[int, ...]) -> None:
    (fixed, warped), mask = pair(shape), some_mask(shape)
    mask[tuple(slice(n - 6, None, 2) for n in shape)] = False  # voxels without a neighbour along some axis
    inside, gradients = {tuple(x) for x in np.argwhere(mask)}, []
    for image in (fixed, warped):
        found = np.zeros((len(inside), len(shape)))
        for row, x in zip(found, sorted(inside), strict=True):
            for axis, unit in enumerate(np.eye(len(shape), dtype=int)):
                steps = [s for s in (1, -1) if tuple(np.add(x, s * unit)) in inside]
                slopes = [s * (image[tuple(np.add(x, s * unit))] - image[x]) for s in steps]
                row[axis] = np.mean(slopes) if slopes else 0
        gradients.append(found)
    f, w = gradients
    norms = [(g**2).sum(-1) + 0.3**2 * (g**2).sum(-1).mean() for g in (f, w)]
    expected = 1 - ((f * w).sum(-1) ** 2 / (norms[0] * norms[1])).mean()
    assert value("ngf", fixed, warped, mask) == pytest.approx(expected, rel=1e-9)


@MASKED
@pytest.mark.parametrize(("radius", "dilation"), [(0, 1), (1, 2), (2, 1)])
def test_mind_in_a_mask_counts_voxels_whose_patches_lie_in_it(
    shape: tuple[int, ...], radius: int, dilation: int
) -> None:
    (fixed, warped), mask = pair(shape), some_mask(shape)
    width, complete = radius + dilation, mask.copy()
    padded = np.pad(mask, width, mode="edge")
    neighbours = [s * dilation * unit for unit in np.eye(len(shape), dtype=int) for s in (1, -1)]
    for at, within in itertools.product(neighbours, itertools.product(range(-radius, radius + 1), repeat=len(shape))):
        begin = width + at + within
        complete &= padded[tuple(slice(b, b + n) for b, n in zip(begin, shape, strict=True))]
    assert 0 < complete.sum() < mask.sum()
    f, w = (mind_by_loops(image, radius, dilation, complete) for image in (fixed, warped))
    expected = ((f - w) ** 2).mean(0)[complete].mean()
    assert value("mind", fixed, warped, mask, radius=radius, dilation=dilation) == pytest.approx(expected, rel=1e-9)


@MASKED
def test_one_voxel_in_the_mask_counts_whole(shape: tuple[int, ...]) -> None:
    (fixed, warped), mask = pair(shape), np.zeros(shape, bool)
    at = tuple(n // 2 for n in shape)
    mask[at] = True
    assert value("mse", fixed, warped, mask) == pytest.approx((fixed[at] - warped[at]) ** 2, rel=1e-12)
    # the joint histogram of one voxel is the product of both marginal ones: nothing is known of one by the other
    assert value("mi", fixed, warped, mask) == pytest.approx(0, abs=1e-9)
    assert value("nmi", fixed, warped, mask) == pytest.approx(1, abs=1e-9)
