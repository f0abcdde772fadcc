"""Images with a known deformation between them, and the command line as users call it."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import settings

from command_helpers import Command, installed

pytest_plugins = ("run_folders",)  # fixtures of tests/helpers that several folders share

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.pop("MLFLOW_TRACKING_URI", None)
# a shell without job control starts its background jobs, and the commands that tests run with them, deaf to SIGINT
signal.signal(signal.SIGINT, signal.default_int_handler)

# the same examples in every run, however slow the machine is
settings.register_profile("pairreg", deadline=None, derandomize=True, database=None)
settings.load_profile("pairreg")

SHARED = Path(__file__).parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the real pairs that are not bundled are not here")
    return SHARED


class Warped:
    """A textured image pair with `fixed(x) = moving(x + truth(x))`, both evaluated from formulas."""

    def __init__(self, shape: tuple[int, ...], amplitude: float, seed: int = 0):
        rng = np.random.default_rng(seed)
        ndim = len(shape)
        self.waves = rng.normal(size=(40, ndim)) * 2 * np.pi / rng.uniform(10, 30, size=(40, 1))
        self.phases = rng.uniform(0, 2 * np.pi, 40)
        self.points = np.stack(np.meshgrid(*[np.arange(n, dtype=float) for n in shape], indexing="ij"), -1)
        unit = self.points / (np.array(shape) - 1)
        self.truth = np.stack(
            [amplitude * np.prod(np.sin(np.pi * unit), -1) * np.cos(np.pi * unit[..., d] + d) for d in range(ndim)], -1
        )
        self.moving = self.texture(self.points)
        self.fixed = self.texture(self.points + self.truth)

    def texture(self, points: np.ndarray) -> np.ndarray:
        values = sum(np.cos(points @ w + p) for w, p in zip(self.waves, self.phases, strict=True))
        return (1 / (1 + np.exp(-np.asarray(values) / 4))).astype(np.float32)

    def image(self, name: str, spacing: float = 1.0) -> sitk.Image:
        image = sitk.GetImageFromArray(getattr(self, name))
        image.SetSpacing([spacing] * image.GetDimension())
        return image

    def pair(self, spacing: float = 1.0):  # type: ignore[no-untyped-def]
        from pairreg import Pair

        return Pair(name="warped", fixed=self.image("fixed", spacing), moving=self.image("moving", spacing))

    def error(self, field: np.ndarray) -> float:
        """Mean end-point error in voxels, away from the border (5 voxels), where images carry the information."""
        inner = (slice(5, -5),) * (field.ndim - 1)
        return float(np.linalg.norm(field - self.truth, axis=-1)[inner].mean())


@pytest.fixture(scope="session")
def warped_2d() -> Warped:
    return Warped((64, 72), amplitude=3.0)


@pytest.fixture(scope="session")
def warped_3d() -> Warped:
    return Warped((32, 36, 40), amplitude=2.5)


@pytest.fixture(scope="session")
def pairreg() -> Command:
    """Runs the installed `pairreg` command."""
    return installed("pairreg")


@pytest.fixture(scope="session")
def pairreg_pack() -> Command:
    return installed("pairreg-pack")


@pytest.fixture(scope="session")
def pairreg_warp() -> Command:
    return installed("pairreg-warp")


@pytest.fixture(scope="session")
def pairreg_spect() -> Command:
    return installed("pairreg-spect")
