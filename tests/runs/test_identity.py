"""What makes two runs the same, and what makes them different."""

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import h5py
import numpy as np
import pytest
import SimpleITK as sitk
from omegaconf import OmegaConf

import pairreg
from pairreg import option_files, validation
from pairreg.errors import InputError
from pairreg.markers import Neutral
from pairreg.pair.files import load_pair
from pairreg.pair.hdf5 import write_pair, writing
from pairreg.runs import content, identity
from pairreg.runs.spec import RunSpec
from pairreg.similarity.mse import MSE


def node(name: str, **settings: Any) -> dict[str, Any]:
    return option_files.option_node(name) | settings


CONFIG = {
    "pair": node("pair/thorax_ct_2d"),
    "similarity": {"ncc": node("similarity/ncc")},
    "transform": node("transform/unet"),
    "seed": 0,
    "study": "a",
    "output_dir": "runs",
    "trusted_modules": [],
}


def signature(**changes: Any) -> str:
    return RunSpec(CONFIG | changes, {}).signature


def test_order_and_bookkeeping_do_not_matter():
    reordered = dict(reversed(CONFIG.items())) | {"output_dir": "elsewhere", "rerun": True, "tracking": None}
    reordered["similarity"] = {"ncc": dict(reversed(node("similarity/ncc").items()))}
    assert RunSpec(reordered, {}).signature == signature()
    assert signature(trusted_modules=["a_module"], study="b", dry_run=True) == signature()


def test_every_scientific_value_matters():
    changes = [
        {},
        {"seed": 1},
        {"similarity": {"ncc": node("similarity/ncc", window=7)}},
        {"similarity": {"pcc": node("similarity/pcc")}},
        {"similarity": {"pcc": node("similarity/pcc"), "mse": node("similarity/mse")}},
        {"similarity": {"mse": node("similarity/mse")}},
        {"transform": node("transform/unet", depth=2)},
        {"transform": node("transform/displacement")},
        {"pair": node("pair/thorax_ct_3d")},
        {"pair": node("pair/phantom_2d")},
        {"pair": node("pair/phantom_2d", anatomy={"girth": 1.1})},
    ]
    assert len({signature(**change) for change in changes}) == len(changes)


def test_a_whole_number_is_the_same_in_both_types():
    halves, wholes = ({"ncc": node("similarity/ncc", weight=weight)} for weight in (1, 1.0))
    assert signature(similarity=halves) == signature(similarity=wholes)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The settings of `pair=files` with every kind of input."""
    rng = np.random.default_rng(0)
    found = {}
    for name in ("fixed", "moving", "fixed_labels", "moving_labels", "fixed_mask", "moving_mask"):
        image = sitk.GetImageFromArray(rng.integers(1, 9, (12, 14)).astype(np.uint8))
        found[name] = str(tmp_path / f"{name}.nii.gz")
        sitk.WriteImage(image, found[name])
    for name in ("fixed_landmarks", "moving_landmarks"):
        found[name] = str(tmp_path / f"{name}.csv")
        Path(found[name]).write_text("x,y\n1,2\n")
    return found


INPUTS = ("fixed", "moving", "fixed_labels", "moving_labels", "fixed_mask", "moving_mask", "fixed_landmarks")


def of_files(settings: dict[str, Any]) -> RunSpec:
    return RunSpec(CONFIG | {"pair": node("pair/files", **settings)}, {})


@pytest.mark.parametrize("replaced", [*INPUTS, "moving_landmarks", "channel"])
def test_another_file_at_the_same_path_is_another_run(files, tmp_path, replaced):
    settings = files | {"channels": {"activity": files["moving_mask"]}} if replaced == "channel" else files
    before = of_files(settings).signature
    path = Path(files["moving_mask" if replaced == "channel" else replaced])
    path.write_bytes(path.read_bytes() + b"\n")
    assert of_files(settings).signature != before
    assert {one.name for one in of_files(files).inputs} == {f"pair.{name}" for name in files}


def test_the_same_file_behind_another_path_is_the_same_run(files, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = {name: shutil.copy(path, elsewhere / f"{name}_moved{Path(path).name[-7:]}") for name, path in files.items()}
    assert of_files({name: str(path) for name, path in moved.items()}).signature == of_files(files).signature


def test_a_missing_file_is_named(files):
    with pytest.raises(InputError, match="nowhere.nii.gz does not exist; give"):
        _ = of_files(files | {"fixed": "nowhere.nii.gz"}).signature


def test_a_data_file_beside_its_header_counts(tmp_path):
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    for header, data in (("a.mhd", "a.raw"), ("b.nhdr", "b.raw"), ("c.hdr", "c.img")):
        sitk.WriteImage(image, str(tmp_path / header))
        before = content.digest(tmp_path / header)
        voxels = bytearray((tmp_path / data).read_bytes())
        voxels[0] ^= 1
        (tmp_path / data).write_bytes(bytes(voxels))
        assert content.digest(tmp_path / header) != before, header


def test_lists_of_data_files_count(tmp_path):
    for i in (1, 2):
        (tmp_path / f"slice{i}.raw").write_bytes(bytes(12))
    header = "ObjectType = Image\nNDims = 3\nDimSize = 3 4 2\nElementType = MET_UCHAR\nElementDataFile = "
    for ending in ("slice%d.raw 1 2 1", "LIST\nslice1.raw\nslice2.raw"):
        (tmp_path / "a.mhd").write_text(header + ending + "\n")
        before = content.digest(tmp_path / "a.mhd")
        (tmp_path / "slice2.raw").write_bytes(bytes([1]) * 12 if before else b"")
        assert content.digest(tmp_path / "a.mhd") != before, ending
        (tmp_path / "slice2.raw").write_bytes(bytes(12))


def test_a_series_counts_by_its_files_not_by_their_names(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, names in ((one, "ab"), (other, "xy")):
        folder.mkdir()
        for name, slice_ in zip(names, (b"first", b"second"), strict=True):
            (folder / name).write_bytes(slice_)
    assert content.digest(one) == content.digest(other)
    (other / "x").write_bytes(b"third")
    assert content.digest(one) != content.digest(other)


def test_a_case_counts_by_its_content(files, tmp_path):
    pair = load_pair(**files)
    for name, cases in (("one.h5", ["a"]), ("two.h5", ["b", "a"])):
        with writing(tmp_path / name) as file:
            for case in cases:
                write_pair(file.create_group(case), pair)

    def of(file: str, case: str = "a") -> str:
        return signature(pair=node("pair/hdf5", file=str(tmp_path / file), case=case))

    assert of("one.h5") == of("two.h5"), "other cases beside it do not count"
    before = of("two.h5", "b")
    with h5py.File(tmp_path / "two.h5", "r+") as file:
        file["a/fixed"][0, 0] += 1
    assert of("one.h5") != of("two.h5")
    assert of("two.h5", "b") == before
    with h5py.File(tmp_path / "one.h5", "r+") as file:
        file["a/fixed"].attrs["Spacing"] = [2.0, 1.0]
    assert len({of("one.h5"), of("two.h5"), before}) == 3


MODULE = """
from dataclasses import dataclass
from pairreg.similarity.mse import MSE

@dataclass(frozen=True, kw_only=True)
class Mine(MSE):
    factor: float = 1.0
"""


def test_the_source_of_a_users_own_module_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "identity_mine.py"
    module.write_text(MODULE)

    def of(target: str = "identity_mine.Mine") -> str:
        mine = {"_target_": target, "weight": 1.0, "factor": 1.0}
        return signature(similarity={"mine": mine}, trusted_modules=["identity_mine"])

    before = of()
    module.write_text(MODULE + "# changed\n")
    assert of() == before, "what this process has imported is what it computes"
    del sys.modules["identity_mine"]  # as in another process
    assert of() != before
    module.write_text(MODULE)
    del sys.modules["identity_mine"]
    assert of() == before


@pytest.mark.parametrize("rates", [{"_target_": "identity_rates.Mine"}, [{"_target_": "identity_rates.Mine"}] * 2])
def test_the_source_of_a_users_own_schedule_counts(tmp_path, monkeypatch, rates):
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "identity_rates.py"
    found = set()
    for text in ("class Mine: ...\n", "class Mine: ...\n# changed\n"):
        module.write_text(text)
        optimizer = {**option_files.option_node("optimizer/adam"), "learning_rate": rates}
        found.add(signature(optimizer=optimizer, trusted_modules=["identity_rates"]))
        sys.modules.pop("identity_rates", None)
    assert len(found) == 2


def test_all_files_of_a_users_package_count(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "identity_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "terms.py").write_text(MODULE)
    (package / "helpers.py").write_text("SCALE = 1\n")
    mine = {"mine": {"_target_": "identity_package.terms.Mine", "weight": 1.0, "factor": 1.0}}
    before = signature(similarity=mine, trusted_modules=["identity_package"])
    (package / "helpers.py").write_text("SCALE = 2\n")
    for name in ("identity_package", "identity_package.terms"):
        del sys.modules[name]  # as in another process
    assert signature(similarity=mine, trusted_modules=["identity_package"]) != before


@dataclass(frozen=True, kw_only=True)
class Later(MSE):
    """MSE after it has gained settings that do nothing by default."""

    on: Annotated[str, Neutral("image")] = "image"
    mask: str | None = None


def test_a_setting_that_came_later_with_a_neutral_value_changes_no_name(monkeypatch):
    settings = {"weight": 1.0}
    validation.constructor.cache_clear()
    before = identity.identity(CONFIG | {"similarity": {"mse": node("similarity/mse")}})[0]
    monkeypatch.setattr("pairreg.similarity.mse.MSE", Later)
    after = identity.identity(CONFIG | {"similarity": {"mse": node("similarity/mse", on="image", mask=None)}})[0]
    assert after == before
    for change in ({"on": "labels"}, {"mask": "lung"}):
        changed = CONFIG | {"similarity": {"mse": node("similarity/mse", on="image", **settings) | change}}
        assert identity.identity(changed)[0] != before
    validation.constructor.cache_clear()


def test_no_target_of_ours_and_no_path_is_part_of_an_identity(files):
    described = str(identity.identity(CONFIG | {"pair": node("pair/files", **files)})[0])
    assert "pairreg." not in described and str(Path(files["fixed"]).parent) not in described
    assert "'option': 'ncc'" in described


def test_a_class_that_is_not_the_options_own_counts_by_its_name():
    overridden = {"ncc": node("similarity/ncc", _target_="pairreg.similarity.pcc.PCC")}
    assert signature(similarity=overridden) != signature()


def test_a_digest_is_computed_once_and_again_when_the_file_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(content, "SETTLED", -1.0)
    file = tmp_path / "large.bin"
    file.write_bytes(bytes(content.WORTH_KEEPING))
    first = content.digest(file)
    with monkeypatch.context() as patch:
        patch.setattr(content, "_digest_of_file", lambda path: pytest.fail("it was computed again"))
        assert content.digest(file) == first
    stat = file.stat()
    time.sleep(0.02)
    replacement = tmp_path / "replacement"
    replacement.write_bytes(b"\x01" + bytes(content.WORTH_KEEPING - 1))
    replacement.replace(file)
    import os

    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert file.stat().st_mtime_ns == stat.st_mtime_ns and content.digest(file) != first


def test_a_large_file_is_hashed_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(content, "CHUNK", 1000)
    file = tmp_path / "a.bin"
    file.write_bytes(bytes(range(250)) * 10)
    whole = content.digest(file)
    for at in (0, 999, 1000, 2499):
        changed = bytearray(file.read_bytes())
        changed[at] ^= 1
        (tmp_path / "b.bin").write_bytes(bytes(changed))
        assert content.digest(tmp_path / "b.bin") != whole


def test_every_option_has_an_identity():
    """Also those to come: a path among the settings of an option is declared as one."""
    for group in option_files.groups():
        for option in pairreg.options(group):
            target = node(f"{group}/{option}")["_target_"]
            assert identity.option_name(group, target) == option


def test_the_kept_config_has_absolute_paths_of_inputs_alone(tmp_path, monkeypatch):
    """Also of a channel whose name has a dot; what only looks like a path stays."""
    monkeypatch.chdir(tmp_path)
    for name in ("f.nii", "m.nii", "c.nii"):
        (tmp_path / name).write_bytes(b"x")
    channels = {"a.b": "c.nii", "a": {"file": "c.nii", "labels": True}}
    pair = node("pair/files", fixed="f.nii", moving="m.nii", channels=channels) | {"name": "f.nii"}
    spec = RunSpec(CONFIG | {"pair": pair}, {})
    kept = OmegaConf.to_container(OmegaConf.create(spec.config_yaml))["pair"]
    assert kept["fixed"] == str(tmp_path / "f.nii") and kept["name"] == "f.nii"
    there = str(tmp_path / "c.nii")
    assert kept["channels"] == {"a.b": there, "a": {"file": there, "labels": True}}
    assert spec.config["pair"]["fixed"] == "f.nii"


def test_a_file_that_a_users_own_class_takes_counts_by_its_content(tmp_path, monkeypatch):
    """Whatever its annotation says; what is no file stays as it is."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "identity_loader.py").write_text(MODULE.replace("float = 1.0", "object = 1.0"))
    for name in ("one", "copy", "two"):
        (tmp_path / name).write_text(name[:2])

    def of(factor: Any) -> str:
        mine = {"_target_": "identity_loader.Mine", "weight": 1.0, "factor": factor}
        return signature(similarity={"mine": mine}, trusted_modules=["identity_loader"])

    (tmp_path / "copy").write_text("on")
    assert of("one") == of("copy") == of(str(tmp_path / "one"))
    values = ["one", "two", "missing", "", "x", 3, True, {"a": "one"}, {"a": "two"}, ["one"]]
    assert len({of(value) for value in values}) == len(values)


def of_method(option: str, **settings: Any) -> RunSpec:
    return RunSpec(CONFIG | {"method": node(f"method/{option}", **settings)}, {})


IMAGES = "{fixed} {moving} {output}"
LINES = {
    "script": "python {file} " + IMAGES,
    "setting": "registers --config={file} " + IMAGES,
    "list": "registers -t [{file},1] " + IMAGES,
    "shell": 'sh -c "python {file} ' + IMAGES + '; true"',
    "quoted": "sh -c \"python '{file}' " + IMAGES + '"',
}


@pytest.mark.parametrize("line", LINES)
def test_a_file_that_a_command_line_names_counts_by_its_content(line, tmp_path):
    name = "with a blank" if line == "quoted" else "reg"
    file, copy = tmp_path / f"{name}.py", tmp_path / "copy.py"
    file.write_text("one")
    copy.write_text("one")

    def of(path: Path, more: str = "") -> str:
        return of_method("command", command=LINES[line].replace("{file}", str(path)) + more).signature

    first = of(file)
    assert of(copy) == first != of(file, " -n 2")
    spec = of_method("command", command=LINES[line].replace("{file}", str(file)))
    assert [one.name for one in spec.inputs] == ["method.command"]
    assert OmegaConf.create(spec.config_yaml).method.command == spec.config["method"]["command"]
    file.write_text("two")
    assert of(file) != first == of(copy)


@pytest.mark.parametrize("to", [">> {log}", ">{log}", "2> {log}", "> '{log}' 2>&1", "2>>{log}"])
def test_what_a_shell_writes_to_is_no_input(to, tmp_path):
    """As a log of all runs, which every run changes."""
    script, log = tmp_path / "reg.py", tmp_path / "log.txt"
    script.write_text("one")
    line = f'sh -c "python {script} {IMAGES} {to.format(log=log)}"'

    def of() -> str:
        return of_method("command", command=line).signature

    first = of()
    log.write_text("a run")
    assert of() == first
    script.write_text("two")
    assert of() != first


def test_a_program_that_is_a_script_counts_by_its_content(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "reg.sh"

    def of(program: str) -> str:
        return of_method("command", command=f"{program} {IMAGES}").signature

    script.write_text("#!/bin/sh\none")
    first = of("./reg.sh")
    assert of(str(script)) == first
    script.write_text("#!/bin/sh\ntwo")
    assert of(str(script)) == of("./reg.sh") != first
    script.write_bytes(b"\x7fELF one")
    binary = of(str(script))
    script.write_bytes(b"\x7fELF two")
    assert of(str(script)) == binary, "its content is not the method's, but the machine's"


def test_settings_for_other_programs_that_name_no_file_count_as_they_are(tmp_path, monkeypatch):
    """So that runs keep their names: also if a file in the working folder is called like a word."""
    monkeypatch.chdir(tmp_path)
    for name in ("mattes", "reg.py", "100x50", "out.tfm"):
        (tmp_path / name).write_text("x")
    lines = [f"greedy -n 100x50 -a /nowhere/reg.py reg.py {IMAGES}", f"reg -o {tmp_path}/out.tfm {{fixed}} {{moving}}"]
    results = ["{output}.nii.gz", f"{tmp_path}/out.tfm"]
    for line, result in zip(lines, results, strict=True):
        content, inputs = identity.identity(of_method("command", command=line, result=result).config)
        assert content["method"]["command"] == line and inputs == ()
    others = {"grad_step": 0.1, "syn_metric": "mattes", "reg_iterations": [40, 20.0], "verbose": False}
    for option, key in (("ants_syn", "arguments"), ("elastix", "parameters")):
        content, inputs = identity.identity(of_method(option, **{key: others}).config)
        assert content["method"][key] == identity.plain(others) and inputs == ()


@pytest.mark.parametrize(("option", "key"), [("ants_syn", "arguments"), ("elastix", "parameters")])
def test_a_file_among_the_arguments_of_a_library_counts_by_its_content(option, key, tmp_path, monkeypatch):
    """It is looked for from the working folder, though the library works in another one."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("start.mat", "one"), ("copy.mat", "one"), ("other.mat", "two")):
        (tmp_path / name).write_text(text)

    def of(*paths: str) -> RunSpec:
        return of_method(option, **{key: {"initial_transform": paths[0], "more": list(paths), "grad_step": 0.1}})

    first = of("start.mat").signature
    assert first == of("copy.mat").signature == of(str(tmp_path / "start.mat")).signature != of("other.mat").signature
    spec = of("start.mat", "other.mat")
    names = [f"method.{key}.initial_transform", f"method.{key}.more[0]", f"method.{key}.more[1]"]
    assert [one.name for one in spec.inputs] == names
    whole = [str(tmp_path / name) for name in ("start.mat", "other.mat")]
    kept = OmegaConf.to_container(OmegaConf.create(spec.config_yaml))["method"][key]
    assert kept == {"initial_transform": whole[0], "more": whole, "grad_step": 0.1}
    given = option_files.instantiate(spec.config["method"], "method").settings()[key]
    assert [given["initial_transform"], given["more"]] in ([whole[0], whole], [whole[:1], whole])
    (tmp_path / "start.mat").write_text("three")
    assert of("start.mat").signature != first


def test_only_the_users_modules_are_the_users(tmp_path):
    found = identity._Identity(("mine", "a.b"))
    assert [found.is_users(f"{name}.Term") for name in ("mine", "mine.sub", "a.b", "minette", "a", "pairreg.x")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


def test_nested_settings_are_flat_keys_and_empty_ones_stay():
    nested = {"a": {"b": {"c": 1}, "d": {}}, "e": None, "f": [1, {"g": 2}]}
    assert identity.flat(nested) == {"a.b.c": "1", "a.d": "{}", "e": "None", "f": "[1, {'g': 2}]"}


def test_whole_numbers_deep_in_lists_and_mappings_are_the_same_in_both_types():
    whole, floats = ({"x": [1, (2, {"y": 3})]}, {"x": [1.0, (2.0, {"y": 3.0})]})
    assert identity.plain(whole) == identity.plain(floats) == {"x": [1, [2, {"y": 3}]]}
    assert [type(x) for x in identity.plain([1.0, 1.5, True, "1.0"])] == [int, float, bool, str]
