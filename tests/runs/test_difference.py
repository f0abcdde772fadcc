"""What differs between two run folders, written without a registration."""

import json
import math

import numpy as np
import pytest
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.runs.difference import Difference, Distance, Row
from pairreg.runs.read import Run


def displaced(folder, millimetres, spacing=2.0, size=(50, 40)):
    """Leaves a displacement of the same length everywhere, along the first axis of the image."""
    vectors = np.zeros((*size[::-1], len(size)), np.float32)
    vectors[..., 0] = millimetres
    image = sitk.GetImageFromArray(vectors, isVector=True)
    image.SetSpacing([spacing] * len(size))
    sitk.WriteImage(image, folder / "displacement.nii.gz")
    return folder


def difference(first, second):
    return Difference(Run.begun(first), Run.begun(second))


def test_distance_in_voxels():
    first = np.zeros((10, 10, 2), np.float32)
    second = first.copy()
    second[0, 0] = 30, 40
    between = Distance.between(first, second)
    assert between == Distance(0.5, 0.0, 50.0, False)
    assert Distance.between(first, second, np.diag([0.5, 0.5])).maximum == 25
    assert Distance.between(second, second.copy()) == Distance(0.0, 0.0, 0.0, True)
    assert not Distance.between(first, -first).is_zero  # as bytes, 0 and -0 differ


def test_settings_that_differ(write_run):
    first = write_run("a", weights={"mse": 1.0, "diffusion": 2.0}, tracking_uri=None, threads=4)
    second = write_run("b", weights={"mse": 1, "diffusion": 3.0}, threads=16)
    assert difference(first, second).settings == [
        Row("regularizer.diffusion.weight", 2, 3),
        Row("threads", 4, 16),
    ]


def test_another_option_is_named_once_and_a_preset_not_at_all(write_run):
    first, second = write_run("a", similarity="mse", preset="fast"), write_run("b", similarity="mse+ncc")
    assert difference(first, second).settings == [
        Row("similarity", "mse", "mse+ncc"),
        Row("similarity.ncc.weight", None, 1),
    ]


def test_one_value_for_all_levels_is_that_value(write_run):
    displacement = {"_target_": "pairreg.transform.displacement.Displacement"}
    lists = (0.1, [0.1, 0.1, 0.1], [0.1, 0.1, 0.2])
    first, second, third = (
        write_run(name, transform=displacement | {"learning_rate": rate}, optimizer={"rate": rate})
        for name, rate in zip("abc", lists, strict=True)
    )
    # what a list means to an optimizer that is none of ours is not known
    assert difference(first, second).settings == [Row("optimizer.rate", *lists[:2])]
    assert difference(second, third).settings[:1] == [Row("transform.learning_rate", 0.1, lists[2])]


def test_a_setting_that_an_option_has_gained_is_no_difference_to_an_older_run(write_run):
    older = {"_target_": "pairreg.initialization.affine.Affine", "samples": 20000}
    first, second = write_run("a", initialization=older), write_run("b", initialization=older | {"search": "local"})
    assert difference(first, second).settings == difference(second, first).settings == []
    third = write_run("c", initialization=older | {"search": "wide"})
    assert difference(first, third).settings == [Row("initialization.search", None, "wide")]


def edited(folder, **parts):
    path = folder / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))
    return folder


def test_inputs_by_their_content(write_run):
    files = {"fixed": "f.nii", "moving": "m.nii"}
    one = {"name": "pair.fixed", "path": "f.nii", "digest": "aa"}
    other = {"name": "pair.moving", "path": "m.nii", "digest": "bb"}
    first = edited(write_run("a", pair=files), inputs=[one, other])
    second = edited(write_run("b", pair=files), inputs=[one, other | {"digest": "cc"}])
    old = write_run("c", pair=files)
    found = difference(first, second)
    (row,) = found.inputs
    assert (row.name, row.first.digest, row.second.digest) == ("pair.moving", "bb", "cc")
    assert found.settings == [] and found.are_inputs_known
    assert not difference(first, old).are_inputs_known


def started(write_run, name, path, content="1"):
    listed = {"": path} if isinstance(path, str) else {f"[{i}]": one for i, one in enumerate(path)}
    inputs = {f"initialization.path{i}": (one, content * 32) for i, one in listed.items()}
    option = {"_target_": "pairreg.initialization.file.FromFile", "path": path, "format": None}
    return write_run(name, initialization=option, inputs=inputs)


def test_files_of_a_list_are_inputs_and_no_setting(write_run):
    first = started(write_run, "a", ["/here/a.mat", "/here/warp.nii"])
    second = started(write_run, "b", ["/there/a.mat", "/there/warp.nii"])
    single = started(write_run, "c", "/there/both.h5", "2")
    assert difference(first, second).settings == difference(first, single).settings == []
    names = ["initialization.path[0]", "initialization.path[1]"]
    assert [row.name for row in difference(first, second).inputs] == names
    assert [row.name for row in difference(first, single).inputs] == [*names, "initialization.path"]


def test_what_the_identity_leaves_out_is_no_difference(write_run):
    """Where a program lies; and which case it is, unless the content of the cases says that it is another one."""
    method = {"_target_": "pairreg.method.ants_syn.AntsSyN", "python": "/here/bin/python"}
    dataset = {"_target_": "pairreg.pair.learn2reg.load_learn2reg", "dataset": "d.json"}
    runs = [
        write_run(name, method=method | {"python": python}, pair=dataset | {"case": case}, inputs={
            "pair.dataset": ("d.json", content * 32)
        })
        for name, python, case, content in (
            ("a", "/here/bin/python", "0001_0002", "1"), ("b", None, "0", "1"), ("c", None, "0003_0004", "2"),
        )
    ]  # fmt: skip
    assert difference(*runs[:2]).settings == []
    assert difference(*runs[1:]).settings == [Row("pair.case", "0", "0003_0004")]


def test_code_versions_and_machine(write_run):
    first = write_run("a", provenance={"git_dirty": "true", "platform": "Linux"})
    second = write_run("b", provenance={"git_dirty": "true", "platform": "Darwin", "version/numpy": "2.1"})
    found = difference(first, second)
    assert found.code == [] and found.is_code_uncertain
    assert found.versions == [Row("numpy", "2.0", "2.1")]
    assert found.machine == [Row("platform", "Linux", "Darwin")]


def test_metrics_in_the_order_of_the_catalogue(write_run):
    common = {"before/ssim": 0.1, "dice/bone": 0.5, "unheard_of": 1.0}
    first = write_run("a", metrics={**common, "folds_percent": math.nan})
    second = write_run("b", metrics={**common, "tre_mean": 2.0})
    rows = difference(first, second).metrics()
    assert [row.metric.name for row in rows] == ["tre_mean", "ssim", "folds_percent", "seconds", "peak_memory_mb"]
    assert (rows[0].first, rows[0].second) == (None, 2.0)
    (row,) = difference(first, second).metrics(per_label=True)
    assert (row.metric.name, row.label, row.first) == ("dice_mean", "bone", 0.5)


def test_how_far_the_deformations_are_apart(write_run):
    """The initialisation is known to the displacement only."""
    first, second = displaced(write_run("a", bend=1.0), 4.0), displaced(write_run("b", bend=1.0), 5.0)
    found = difference(first, second)
    assert found.obstacle is None
    assert found.deformation == Distance(0.0, 0.0, 0.0, True)
    assert found.displacement == Distance(0.5, 0.5, 0.5, False)
    bent = displaced(write_run("c", bend=2.0), 4.0)
    assert difference(first, bent).deformation.mean == pytest.approx(math.sqrt(2))


def test_why_they_cannot_be_subtracted(write_run):
    plane = displaced(write_run("a"), 1.0)
    finer = displaced(write_run("b"), 1.0, spacing=1.0)
    volume = displaced(write_run("c", ndim=3), 1.0, size=(26, 20, 12))
    assert difference(plane, volume).obstacle == "one run is 2-D, the other 3-D"
    assert difference(plane, finer).obstacle == (
        "their fixed grids differ, 50 x 40 of 2 x 2 mm at (0, 0) and 50 x 40 of 1 x 1 mm at (0, 0)"
    )


def test_a_lost_file_is_named(write_run):
    first, second = displaced(write_run("a"), 1.0), write_run("b")
    with pytest.raises(InputError, match=r"displacement.nii.gz is missing"):
        _ = difference(first, second).obstacle
    displaced(second, 1.0)
    (second / "result.h5").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"result.h5 has no field .*rerun=true"):
        _ = difference(first, second).deformation


NO_RUNS = {
    "an empty folder": {},
    "another file": {"notes.txt": "hello"},
    "a config of something else": {"config.yaml": "hello\n"},
    "a config without its choices": {"config.yaml": "a: 1\n"},
    "choices that are no choices": {"config.yaml": "a: 1\n", "task.json": '{"choices": 3}'},
    "a task that is cut off": {"config.yaml": "a: 1\n", "task.json": '{"choices": {'},
    "a config that is no YAML": {"config.yaml": "a: [\n", "task.json": '{"choices": {}}'},
    "a result of something else": {"result.json": "[1, 2]"},
    "a result without parts": {"result.json": '{"metrics": {}}'},
    "a result whose config is text": {
        "result.json": '{"metrics": {}, "choices": {}, "config": "a", "provenance": {}}',
    },
}


@pytest.mark.parametrize("files", NO_RUNS.values(), ids=NO_RUNS)
def test_what_is_no_run_is_one_sentence(files, tmp_path):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=r"is not the (folder|result) of a run|is no YAML") as info:
        Run.begun(tmp_path)
    assert "\n" not in str(info.value)
