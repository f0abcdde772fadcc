"""What the code says of an option, found without running it."""

import sys

import pytest

from pairreg.reference.docstrings import Docstring, docstring

NCC = """Compares images by `1 - mean(r²)`, r = Pearson's correlation. It goes
    from 0 to 1.

    **Arguments:** `window`: odd.

    Source: Avants et al., Medical Image
    Analysis 12:26 (2008).
    """


def test_its_parts():
    assert Docstring.of(NCC) == Docstring(
        "Compares images by `1 - mean(r²)`, r = Pearson's correlation.",
        ("It goes from 0 to 1.", "**Arguments:** `window`: odd."),
        "Avants et al., Medical Image Analysis 12:26 (2008).",
    )


@pytest.mark.parametrize(
    ("text", "summary"),
    {
        "": "",
        "Return the Adam of Keras.": "The Adam of Keras.",
        "As Chen et al. do, by 3.5 of them. More.": "As Chen et al. do, by 3.5 of them.",
        "Over two\n    lines. `sigma` of 0: none.": "Over two lines.",
        "without an end": "Without an end",
    }.items(),
)
def test_the_first_sentence(text, summary):
    assert Docstring.of(text).summary == summary


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of somebody who could not resist: whatever is imported of it ends the process."""
    (tmp_path / "evil_losses").mkdir()
    files = {
        "__init__": "raise SystemExit('imported')\nfrom evil_losses.one import One\nfrom .one import One as Two\n",
        "one": "raise SystemExit('imported')\nclass One:\n    '''The first.'''\ndef bare(): ...\n",
        "circle": "from evil_losses.circle import around\n",
        "broken": "class One(:\n",
    }
    for name, text in files.items():
        (tmp_path / "evil_losses" / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    docstring.cache_clear()


FOUND = {"evil_losses.one.One": "The first.", "evil_losses.One": "The first.", "evil_losses.Two": "The first."}
LOST = ("evil_losses.one.bare", "evil_losses.one.None", "evil_losses.circle.around", "evil_losses.broken.One")
NO_CODE = ("evil_losses.none.One", "evil_losses.one.deeper.One", "nothing", "", "..", "no such.name", "math.sqrt")


@pytest.mark.parametrize(("target", "summary"), [*FOUND.items(), *((one, "") for one in (*LOST, *NO_CODE))])
def test_it_is_found_and_nothing_is_imported(target, summary, package):
    assert docstring(target).summary == summary
    assert not any(name.startswith("evil_losses") for name in sys.modules)
