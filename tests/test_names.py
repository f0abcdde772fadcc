"""What may be a name, and what may not."""

import pytest

from pair_helpers import image, refused
from pairreg import names
from pairreg.pair.files import numbered
from pairreg.pair.pair import Pair

ANY = [
    "lung",
    "lung (left)",
    "a+b",
    "Δ",
    "肺",
    "😀",
    "it's",
    "a,b = c",
    "[red]",
    "$x$",
    "12_1",
    "null",
    "1.50",
    "x" * 200,
]
PATHS = ["PET/CT", "..", ".", "../../x", "a\\b", "/", "x" * 201, "ü" * 101]
UNSEEN = ["", "  ", "a\nb", "a\0", "\x1b[31m", "a\x7f", "\u2028", "\udcff"]


@pytest.mark.parametrize("name", ANY)
def test_text_in_any_script(name):
    for check in (names.check_channel, names.check_file_name):
        check(name, "x")
    names.check_study(name)
    names.check_label_names({1: name})


@pytest.mark.parametrize("name", [*PATHS, *UNSEEN])
def test_no_file_name(name):
    refused("x has ", names.check_file_name, name, "x")
    refused("study has ", names.check_study, name)
    refused("x has ", names.check_case, name, "x")


@pytest.mark.parametrize("name", ["labels", "Labels", "fixed", "moving_labels", "image"])
def test_a_channel_is_nothing_else_of_a_run(name):
    refused(name, names.check_channel, name)


@pytest.mark.parametrize("name", [".hidden", "mlflow.db", "mlartifacts"])
def test_a_study_is_no_other_file(name):
    refused(name, names.check_study, name)


def test_labels_are_kept_by_name():
    names.check_label_names({1: "lung", 2: "lung ", 3: "a/b", 4: "4"})
    assert "both 1 and 7 'lung'" in refused("label_names", names.check_label_names, {1: "lung", 7: "lung"})
    assert "number of another" in refused("label_names", names.check_label_names, {1: "2"})
    for name in UNSEEN:
        refused("label_names", names.check_label_names, {1: name})


@pytest.mark.parametrize("keys", [("a",), ("1", 1), ("1", "01"), ("1_0",), (1.5,)])
def test_label_numbers(keys):
    refused("label_names", numbered, {key: f"label {i}" for i, key in enumerate(keys)})


def test_every_pair_is_checked():
    images = {"fixed": image((5, 6)), "moving": image((5, 6))}
    refused("labels", Pair, name="a", channels={"labels": images["moving"]}, **images)
    refused("lung", Pair, name="a", label_names={1: "lung", 2: "lung"}, **images)
    refused("pair", Pair, name="a\nb", **images)
    assert Pair(name="肺 [red]", channels={"FDG (SUV)": images["moving"]}, **images).ndim == 2
