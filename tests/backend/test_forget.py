import gc

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pairreg.backend import compiled, forget_compiled, tf
from pairreg.optimization.compiled_grids import CompiledGrids


def graphs():
    """Names of the traced functions that this process holds."""
    gc.collect()
    return {graph.name for graph in gc.get_objects() if type(graph).__name__ == "FuncGraph"}


def pair(n):
    y, x = np.mgrid[:n, : n + 3]
    images = [(np.sin(x / 5 + shift) + np.cos(y / 4 - shift)).astype(np.float32) for shift in (0, 0.3)]
    fixed, moving = map(sitk.GetImageFromArray, images)
    return pairreg.Pair(name="waves", fixed=fixed, moving=moving)


def test_a_forgotten_program_is_compiled_again_and_gives_the_same():
    function = compiled(lambda x: tf.cumsum(tf.sin(x)))
    x = tf.range(100.0)
    before = function(x).numpy()
    forget_compiled()
    assert function(x).numpy().tobytes() == before.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("transform", ["displacement", "unet", "velocity"])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_no_graph_of_a_run_stays_after_it_is_forgotten(transform, optimizer):
    forget_compiled()
    before = graphs()
    grids = CompiledGrids()
    schedule = pairreg.build("schedule/single_level", iterations=2)
    parts = {"transform": transform, "optimizer": optimizer, "similarity": "ncc", "schedule": schedule}
    first = pairreg.register(pair(32), compiled=grids, **parts).field
    assert len(grids) == 1
    assert graphs() > before
    grids.clear()
    assert len(grids) == 0
    assert graphs() <= before
    assert pairreg.register(pair(32), compiled=grids, **parts).field.tobytes() == first.tobytes()


def test_a_process_that_has_grown_since_its_first_run_forgets_by_itself():
    grids = CompiledGrids(growth_mb=-1e6)  # whatever the process holds is too much
    schedule = pairreg.build("schedule/single_level", iterations=1)
    kept = []
    for _ in range(3):
        pairreg.register(pair(40), transform="displacement", schedule=schedule, compiled=grids)
        kept.append(len(grids))
    # The first run may need what it needs; after the second one all is forgotten, so that the third one is a first.
    assert kept == [1, 0, 1]
