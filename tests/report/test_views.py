"""The pages beside a report show each pair under the best setting that it was run with."""

import numpy as np
import SimpleITK as sitk

from pairreg.report.ranking import rank_study
from pairreg.report.study_runs import read_study
from pairreg.report.views import write_views
from run_folders import SHAPES
from view_helpers import content_of


def test_each_pair_is_shown_under_its_best_setting(write_run, study, tmp_path):
    """Of the settings that it has: the third pair lacks the one that is the best of all."""
    runs = {}
    for pair, ndim in {"a": 3, "b": 2, "c": 3}.items():
        for similarity, dice in {"mse": 0.7, "ncc": 0.9, "pcc": 0.8}.items():
            if (pair, similarity) != ("c", "ncc"):
                runs[pair, similarity] = write_run(
                    f"{pair}_{similarity}", pair=pair, similarity=similarity, ndim=ndim, metrics={"dice_mean": dice}
                )
                still = sitk.GetImageFromArray(np.zeros((*SHAPES[ndim], ndim), np.float32), isVector=True)
                sitk.WriteImage(still, str(runs[pair, similarity] / "displacement.nii.gz"))
    pages = write_views(rank_study(read_study(study)), ["a", "b", "c"], tmp_path / "views")
    assert list(pages) == ["a", "b", "c"] and len(set(pages.values())) == 3
    for pair, best in {"a": "ncc", "b": "ncc", "c": "pcc"}.items():
        text = pages[pair].read_text()
        assert runs[pair, best].name in text and not any(
            run.name in text for key, run in runs.items() if key != (pair, best)
        )
    assert [len(content_of(page)["planes"]) for page in pages.values()] == [3, 1, 3]
