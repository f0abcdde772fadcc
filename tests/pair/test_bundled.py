import numpy as np
import pytest
import SimpleITK as sitk

from pairreg import option_files


@pytest.mark.parametrize(("name", "size"), [("thorax_ct_2d", (214, 192)), ("thorax_ct_3d", (128, 76, 64))])
def test_bundled_pair(name: str, size: tuple[int, ...]) -> None:
    pair = option_files.build(f"pair/{name}")
    assert pair.name == name and pair.fixed.GetSize() == size and pair.ndim == len(size)
    labels = set(np.unique(sitk.GetArrayFromImage(pair.fixed_labels))) - {0}
    assert labels == set(pair.label_names) and pair.label_names[2] == "lung_right"
    assert sitk.GetArrayFromImage(pair.fixed).min() < -900  # HU
