"""The same option several times: `similarity=[ncc,pet:ncc]` has a term `pet`, from Python as from the command line."""

import pytest
from hydra import compose, initialize_config_module

import pairreg
from command_helpers import installed
from pair_helpers import refused
from pairreg import composition, registration
from pairreg.errors import InputError
from pairreg.schedule.single_level import SingleLevel
from pairreg.similarity.mse import MSE
from pairreg.similarity.ncc import NCC
from pairreg.study.checked_config import check
from pairreg.study.compose import spec_of

README = ["similarity=[ncc,pet:ncc,organs:mse]", "similarity.pet.on=pet", "similarity.pet.weight=0.5"]


def test_terms_have_names_and_settings_of_their_own():
    found = composition.composed([*README, "similarity.organs.on=labels"])["similarity"]
    assert list(found) == ["ncc", "pet", "organs"]
    assert {name: node["on"] for name, node in found.items()} == {"ncc": "image", "pet": "pet", "organs": "labels"}
    assert (found["ncc"]["weight"], found["pet"]["weight"]) == (1.0, 0.5)
    assert found["ncc"]["_target_"] == found["pet"]["_target_"] != found["organs"]["_target_"]


def test_a_regularizer_may_be_there_twice():
    found = composition.composed(["regularizer=[diffusion,stiff:diffusion]", "regularizer.stiff.weight=3"])
    assert {name: node["weight"] for name, node in found["regularizer"].items()} == {"diffusion": 2.0, "stiff": 3}


def test_tables_name_the_option_too():
    composition.register_search_path()
    with initialize_config_module("pairreg.conf", version_base="1.3"):
        spec = spec_of(compose("config", README, return_hydra_config=True), README)
    assert spec.choices["similarity"] == "ncc+pet:ncc+organs:mse"
    other = [README[0].replace("pet:ncc", "pet:ncc_published"), *README[1:]]
    with initialize_config_module("pairreg.conf", version_base="1.3"):
        another = spec_of(compose("config", other, return_hydra_config=True), other)
    assert another.signature != spec.signature


REFUSED = {
    "[ncc,pet:ncc,pet:mse]": "Two terms are called 'pet'",
    "[ncc,ncc:mse]": "Two terms are called 'ncc'",
    "[ncc,1pet:mse]": "gives the name '1pet' to a term",
    "[ncc,pet:accurate]": "similarity=pet:accurate should give its own name to one option; accurate is a variant",
}


@pytest.mark.parametrize("choice", REFUSED)
def test_names_that_cannot_be_are_refused(choice):
    with pytest.raises(InputError, match=REFUSED[choice]):
        composition.composed([f"similarity={choice}"])


def test_from_python_as_names_or_objects():
    named = registration.terms("similarity", ["ncc", "pet:mse"])
    assert named == {"ncc": NCC(), "pet": MSE()}
    assert registration.terms("similarity", {"ncc": "ncc", "pet": pairreg.build("similarity/mse")}) == named


@pytest.mark.parametrize("transform", ["displacement", "bspline", "velocity"])
def test_a_regularizer_has_not_the_name_of_what_both_directions_add(transform, warped_2d):
    """Which would be one column of the history for two terms; with one direction, the name is free."""
    names = [f"transform={transform}", "regularizer=[inverse_consistency:diffusion]"]
    said = "regularizer.inverse_consistency has the name of the term that transform.symmetric=true adds"
    check(composition.composed(names))
    refused(said, check, composition.composed([*names, "transform.symmetric=true"]))
    both = {"transform": pairreg.build(f"transform/{transform}", symmetric=True), "schedule": SingleLevel(iterations=1)}
    for term in ("diffusion", pairreg.build("regularizer/jacobian", weight=[1])):
        refused(said, pairreg.register, warped_2d.pair(), regularizer={"inverse_consistency": term}, **both)


def test_in_a_preset_of_ones_own(tmp_path):
    """A file may use the names, too; and YAML reads `on` without quotes as true, which is said."""
    (tmp_path / "preset").mkdir()
    head = "# @package _global_\ndefaults:\n  - override /similarity: [pcc, organs:mse]\nsimilarity:\n  organs:\n"
    (tmp_path / "preset" / "mine.yaml").write_text(f'{head}    "on": labels\n')
    (tmp_path / "preset" / "bare.yaml").write_text(f"{head}    on: labels\n")
    (tmp_path / "preset" / "typo.yaml").write_text(head.replace("organs:mse", "organs:mes") + "    weight: 1\n")
    run = installed("pairreg")
    done = run("--config-dir", str(tmp_path), "preset=mine", "dry_run=true", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run("--config-dir", str(tmp_path), "preset=bare", "dry_run=true", cwd=tmp_path)
    assert done.returncode == 2
    assert 'similarity.organs has the key true, which is how YAML reads on; write "on" in quotes.' in done.stderr
    done = run("--config-dir", str(tmp_path), "preset=typo", "dry_run=true", cwd=tmp_path)
    assert done.returncode == 2 and "similarity option 'mes' is not one of" in done.stderr
