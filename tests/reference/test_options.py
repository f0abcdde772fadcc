"""What holds for the description of every option, and for those in a folder of the user's."""

import re
from pathlib import Path

import pytest

from pairreg import option_files
from pairreg.errors import InputError
from pairreg.reference.options import NEEDED, groups, top_level
from pairreg.reference.page import page

ALL = [(group, option) for group in groups().values() for option in group.options]
IDS = [f"{group.name}/{option.name}" for group, option in ALL]
PAGE = Path(__file__).parents[2] / "conf" / "OPTIONS.md"


def test_every_option_variant_and_study_is_there():
    for group in option_files.groups():
        known = [*option_files.options(group), *option_files.variants(group)]
        assert [option.name for option in groups()[group].options] == known
    assert {path.parent.name for path in option_files.experiments_folder().glob("*/*.yaml")} <= set(groups())


@pytest.mark.parametrize(("group", "option"), ALL, ids=IDS)
def test_it_says_what_it_is(group, option):
    assert group.meaning
    assert 20 < len(option.summary) < 125 and option.summary[0].isupper() and option.summary[-1] in ".?"


@pytest.mark.parametrize(("group", "option"), ALL, ids=IDS)
def test_it_says_what_its_settings_are_or_what_it_chooses(group, option):
    if not option.parts:
        chooses_nothing = (group.name, option.name) == ("preset", "default")  # it is the command without a preset
        assert bool(option.choices) != chooses_nothing and {"Question", "Command", "Outcome"} <= set(option.remarks)
        return
    (part,) = option.parts
    assert part.docstring.source or not re.search(r"\(\d{4}\)", " ".join(part.docstring.details))
    node = option_files.option_node(f"{group.name}/{option.name}")
    settings = part.settings()
    assert [one.key for one in settings] == [key for key in node if key != "_target_"]
    assert all(one.words.type and one.meaning and one.default for one in settings)
    assert {one.key for one in settings if one.default == NEEDED} == {k for k, v in node.items() if v == "???"}


def test_the_choices_of_a_variant_are_what_it_is_composed_to():
    """Each is given as on a command line, so that it can be copied."""
    from pairreg.composition import composed

    for group, option in ALL:
        if not option.parts and group.name in (*option_files.groups(), "preset"):
            choices = [choice.replace(", ", ",") for choice in option.choices]
            by_name, by_choices = composed([f"{group.name}={option.name}"]), composed(choices)
            assert {**by_name, "preset": None} == {**by_choices, "preset": None}, option.path


def test_the_defaults_are_marked():
    marked = {group.name: [o.name for o in group.options if group.is_default(o)] for group in groups().values()}
    chosen = {key: value if isinstance(value, list) else [value] for key, value in option_files.defaults().items()}
    assert {key: value for key, value in marked.items() if value} == {k: chosen[k] for k in option_files.groups()}


def test_settings_beside_the_groups():
    names = [value.key for value in top_level()]
    assert set(option_files.NUMERICS) <= set(names) and not set(names) & set(groups())
    assert all(value.comment for value in top_level())


def test_the_page_is_current():
    assert PAGE.read_text() == page(groups().values()), "pairreg-options --markdown > conf/OPTIONS.md"


def test_a_table_of_the_page_has_as_many_columns_in_every_line():
    for table in re.findall(r"(?:^\|.*\n)+", PAGE.read_text(), re.MULTILINE):
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()} == {5}, table


@pytest.fixture
def folder(tmp_path):
    """Options of a user: of a class, a variant, two terms, one of our names, a broken file, a group of their own."""
    files = {
        "similarity/mine.yaml": "mine:\n  _target_: 'my_losses.Mine'\n  weight: 2.0  # how much\n",
        "similarity/wide.yaml": "# a wide window\ndefaults: [ncc]\nncc: {window: 21}\n",
        "similarity/two.yaml": "a:\n  _target_: my_losses.Mine\n  weight: 1.0\nb:\n  _target_: my_losses.Mine\n",
        "similarity/ncc.yaml": "ncc:\n  _target_: my_losses.Mine\n",
        "similarity/broken.yaml": "a: [\n",
        "scanner/spect.yaml": "counts: 3\n",
        "hydra/launcher/x.yaml": "a: 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_options_of_a_user_come_with_ours(folder):
    found = groups(folder)
    names = [option.name for option in found["similarity"].options]
    assert names[-4:] == ["broken", "mine", "two", "wide"] and names.count("ncc") == 1
    assert found["similarity"].option("ncc").parts[0].target == "pairreg.similarity.ncc.NCC"  # as Hydra takes it
    assert list(found)[-1] == "scanner" and "hydra" not in found


def test_what_a_users_files_say(folder):
    similarity = groups(folder)["similarity"]
    (setting,) = similarity.option("mine").parts[0].settings()
    assert similarity.option("mine").parts[0].target == "my_losses.Mine"
    assert (setting.key, setting.default, setting.meaning, str(setting.words)) == ("weight", "2.0", "how much", "")
    assert [part.where for part in similarity.option("two").parts] == ["similarity.a", "similarity.b"]
    wide = similarity.option("wide")
    assert wide.summary == "A wide window"
    assert wide.choices == ["similarity=[ncc]", "similarity.ncc={window: 21}"]
    assert "is no YAML" in similarity.option("broken").summary


def test_an_unknown_option_is_one_sentence_with_the_nearest(folder):
    with pytest.raises(InputError, match="'min_e' is not one of .*did you mean 'mine'"):
        groups(folder)["similarity"].option("min_e")
    with pytest.raises(InputError, match="is not a folder"):
        groups(folder / "nowhere")
