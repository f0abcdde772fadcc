"""A repetition keeps what a user has put into a run folder, and knows all that a run itself has written."""

import pairreg
from pairreg.runs.folder import FIGURES, is_of_result


def test_every_file_of_a_result_is_known(tmp_path):
    """Of a pair with all there is to write: labels, a channel and a known truth; and of a transform with an inverse."""
    pair = pairreg.build("pair/phantom_2d", size=[64, 48])
    result = pairreg.register(
        pair,
        initialization="none",
        transform="velocity",
        similarity="mse",
        schedule=pairreg.build("schedule/coarse_to_fine", scales=[4], iterations=[2]),
    )
    result.save(tmp_path / "run")
    written = {path.name for path in (tmp_path / "run").iterdir()} - {FIGURES}
    assert {"true_displacement.nii.gz", "inverse_consistency.nii.gz", "warped_labels.nii.gz"} <= written
    assert not [name for name in written if not is_of_result(name)]
    assert not is_of_result("notes.nii.gz") and not is_of_result("displacement.png")
