"""Values of a YAML file as they are written, with their comments."""

import pytest

from pairreg.errors import InputError
from pairreg.reference.commented_yaml import CommentedYaml, Value

TEXT = """\
# Question: does it hold µ and “quotes”?
#           A second line.
defaults:
  - ncc
  - override /pair: files  # which one
ncc:
  weight: 1.0e-7  # mm² #2
  case: "a # b"  # text
  names: {bone: 1,
          lung: 2}  # over two lines
  none:
  empty: {}
  scales:
    - 8
    - 4
"""


def test_texts_and_comments(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(TEXT)
    read = CommentedYaml.read(path)
    assert read.head == ("Question: does it hold µ and “quotes”?", "          A second line.")
    assert read.values == (
        Value("defaults", "ncc", ""),
        Value("defaults.override /pair", "files", "which one"),
        Value("ncc.weight", "1.0e-7", "mm² #2"),
        Value("ncc.case", '"a # b"', "text"),
        Value("ncc.names", "{bone: 1, lung: 2}", "over two lines"),
        Value("ncc.none", "", ""),
        Value("ncc.empty", "{}", ""),
        Value("ncc.scales", "[8, 4]", ""),
    )
    assert (read["ncc.weight"], read["ncc.other"]) == ("1.0e-7", "")


def test_a_list_of_choices_is_one_value_each_however_it_is_written(tmp_path):
    (tmp_path / "a.yaml").write_text("defaults: [ncc, {override /pair: files}]\n")
    expected = (Value("defaults", "ncc", ""), Value("defaults.override /pair", "files", ""))
    assert CommentedYaml.read(tmp_path / "a.yaml").values == expected


@pytest.mark.parametrize("text", ["", "# only a comment\n", "a\n", "[1, 2]\n", "- a\n- b\n", "---\n", "{}\n"])
def test_a_file_without_settings_is_read(text, tmp_path):
    (tmp_path / "a.yaml").write_text(text)
    CommentedYaml.read(tmp_path / "a.yaml")


UNREADABLE = {
    "cut off": b"a: [\n",
    "two documents": b"---\na: 1\n---\nb: 2\n",
    "a list that is in itself": b"a: &a\n  - *a\n",
    "an unknown name": b"a: *b\n",
    "another encoding": "a: µ\n".encode("utf-16"),
    "a byte that is no text": b"a: \xff\n",
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_one_sentence(content, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.yaml (is no YAML|cannot be read)") as info:
        CommentedYaml.read(path)
    assert "\n" not in str(info.value)


def test_a_link_to_nowhere_is_one_sentence(tmp_path):
    (tmp_path / "a.yaml").symlink_to("nowhere")
    with pytest.raises(InputError, match="cannot be read"):
        CommentedYaml.read(tmp_path / "a.yaml")
