from pathlib import Path

import pytest

from pair_helpers import image, written


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A fixed and a moving 3-D file."""
    fixed = written(tmp_path / "fixed.nii.gz", image((9, 8, 7)))
    return fixed, written(tmp_path / "moving.nii.gz", image((8, 9, 6), seed=1))
