import functools
import gc
import subprocess
import sys

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


LOOP = """
import numpy as np, SimpleITK as sitk, pairreg
from pairreg.backend.memory import resident_mb
from pairreg.optimization.compiled_grids import of_this_process

def grown(numbers):
    before = resident_mb()
    for n in numbers:
        y, x = np.mgrid[:n, : n + 3]
        images = [sitk.GetImageFromArray((np.sin(x / 5 + s) + np.cos(y / 4 - s)).astype(np.float32)) for s in (0, 0.3)]
        pair = pairreg.Pair(name="waves", fixed=images[0], moving=images[1])
        levels = pairreg.build("schedule/single_level", iterations=2)
        pairreg.register(pair, transform="displacement", initialization="none", schedule=levels)
        of_this_process.clear()
    return (resident_mb() - before) / len(numbers)

grown(range(40, 43))
print(grown(range(50, 56)))
"""


def test_a_program_takes_what_tensors_it_is_given_in_any_nesting_and_sets_variables():
    state = tf.Variable([1.0, 2.0])

    def function(first, rest):
        (second, nothing), third = rest
        assert nothing is None
        state.assign_add(first * third)
        return {"sum": first + second + third, "none": None}

    program = compiled(function)
    ones = tf.ones(2)
    for call in (program, tf.function(lambda *arguments: program(*arguments))):
        found = call(ones, ((2 * ones, None), np.float32([3, 4])))
        assert found["sum"].shape == (2,) and found["none"] is None
        np.testing.assert_array_equal(found["sum"], [6, 7])
    np.testing.assert_array_equal(state, [7, 10])


def test_a_program_without_a_derivative_is_not_taken_for_a_constant():
    program = compiled(tf.sin)

    @functools.partial(tf.function, autograph=False)
    def derivative(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = program(x)
        return tape.gradient(y, x)

    with pytest.raises(LookupError, match="XlaLaunch"):
        derivative(tf.constant(1.0))
    with tf.GradientTape() as tape, pytest.raises(LookupError, match="XlaLaunch"):
        x = tf.constant(1.0)
        tape.watch(x)
        tape.gradient(program(x), x)


@pytest.mark.slow
def test_a_loop_over_pairs_of_ever_new_sizes_hardly_grows():
    """Per compiled size there were 5 MB more: graphs that TensorFlow keeps of functions that XLA compiles."""
    done = subprocess.run([sys.executable, "-c", LOOP], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 3


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


@pytest.mark.slow
def test_a_process_that_has_grown_since_its_first_run_forgets_by_itself():
    grids = CompiledGrids(growth_mb=-1e6)  # whatever the process holds is too much
    schedule = pairreg.build("schedule/single_level", iterations=1)
    kept = []
    for _ in range(3):
        pairreg.register(pair(40), transform="displacement", schedule=schedule, compiled=grids)
        kept.append(len(grids))
    # The first run may need what it needs; after the second one all is forgotten, so that the third one is a first.
    assert kept == [1, 0, 1]
