"""Digests of files, and when one that is remembered counts."""

import hashlib
from pathlib import Path

import pytest

from pairreg.errors import InputError
from pairreg.runs import content


def blake(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is just large enough to be remembered, for which nothing is yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "large.bin"
    file.write_bytes(bytes(content.WORTH_KEEPING))
    return file


def remembered(large: Path) -> list[Path]:
    return [path for path in (large.parent / "cache").rglob("*") if path.is_file()]


def test_of_one_file_it_is_that_of_blake2(tmp_path: Path) -> None:
    for data in (b"", b"abc"):
        (tmp_path / "a.bin").write_bytes(data)
        assert content.digest(tmp_path / "a.bin") == blake(data)


def test_of_pieces_it_is_that_of_their_digests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "CHUNK", 4)
    (tmp_path / "a.bin").write_bytes(b"abcdefgh")
    assert content.digest(tmp_path / "a.bin") == blake((blake(b"abcd") + blake(b"efgh")).encode())


def test_hidden_files_and_folders_are_no_slices(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "1.dcm").write_bytes(b"slice")
    before = content.digest(tmp_path / "series")
    (tmp_path / "series" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "series" / "more").mkdir()
    assert content.digest(tmp_path / "series") == before
    (tmp_path / "series" / "2.dcm").write_bytes(b"slice")
    assert content.digest(tmp_path / "series") != before


def test_a_part_is_hashed_as_a_whole_and_remembered_by_its_name(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "SETTLED", -1.0)
    assert content.digest_of_part(large, "a", lambda: [b"ab", b"c"]) == blake(b"abc")
    assert content.digest_of_part(large, "b", lambda: [b"d"]) == blake(b"d")
    assert content.digest_of_part(large, "a", lambda: pytest.fail("it is known")) == blake(b"abc")


def test_a_file_that_has_just_changed_is_not_remembered(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "SETTLED", 600.0)
    content.digest(large)
    assert remembered(large) == []
    monkeypatch.setattr(content, "SETTLED", -1.0)
    content.digest(large)
    assert len(remembered(large)) == 1


def test_small_files_are_not_remembered(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large.write_bytes(bytes(content.WORTH_KEEPING - 1))
    monkeypatch.setattr(content, "SETTLED", -1.0)
    content.digest(large)
    assert remembered(large) == []


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"state": 1}', "null"])
def test_a_damaged_memory_is_written_anew(large: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setattr(content, "SETTLED", -1.0)
    expected = content.digest(large)
    (memory,) = remembered(large)
    whole = memory.read_text()
    memory.write_text(damage)
    assert content.digest(large) == expected and memory.read_text() == whole


def test_without_a_home_it_is_computed_each_time(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "SETTLED", -1.0)
    (large.parent / "cache").write_text("a file where the folder would be")
    assert content.digest(large) == blake(bytes(content.WORTH_KEEPING))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.bin cannot be read \(No such file or directory\); give a file"):
        content._digest_of_file(tmp_path / "a.bin")


def test_pieces_have_16_mib(tmp_path: Path) -> None:
    """Of any other size every run of a larger file would have another name."""
    with (tmp_path / "a.bin").open("wb") as file:
        file.truncate((16 << 20) + 1)
    assert content.digest(tmp_path / "a.bin") == blake((blake(bytes(16 << 20)) + blake(b"\0")).encode())
