"""Names and addresses as MLflow takes them, by MLflow's own checks, and as we show them."""

import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param_name

from pairreg.errors import InputError
from pairreg.tracking.mlflow import MLflowTracker
from pairreg.tracking.mlflow_address import beside, secrets, shown
from pairreg.tracking.mlflow_names import cleaned

HARD = [
    "dice/lung (left)",
    "dice/lung [left]",
    "a+b",
    "a,b",
    "..",
    "dice/..",
    "dice/a/../b",
    "Δ",
    "/",
    "a//b",
    "a/",
    "😀",
]
HARD += ["x" * 251, "x" * 250 + "y", "x" * 300, "it's", "dice/.", "", " ", "a\nb"]
PLAIN = ["dice/lung", "before/dice/L:White Matter", "similarity.ncc.window", "Größe", "肺"]


def check(names):
    clean = cleaned(names)
    assert list(clean) == list(dict.fromkeys(names)) and len(set(clean.values())) == len(clean)
    for name in clean.values():
        _validate_metric_name(name)
        _validate_param_name(name)
        assert 0 < len(name) <= 250


@given(st.lists(st.text(st.sampled_from("aΔ./ (+:,-_\n")) | st.sampled_from(HARD + PLAIN), max_size=8))
def test_any_names_are_taken_and_stay_apart(names):
    check(names)


def test_names_that_mlflow_takes_stay():
    check(HARD + PLAIN)
    assert [cleaned(HARD + PLAIN)[name] for name in PLAIN] == PLAIN
    assert cleaned(["a+b"]) == {"a+b": "a_b"}
    assert cleaned(["a+b", "a_b"])["a_b"] == "a_b"


ADDRESSES = {
    "http://me:s3cret@host:5000/x": "http://me:***@host:5000/x",
    "https://t0ken@host": "https://***@host",
    "postgresql://me:s3c/r@t@host/db": "postgresql://me:***@host/db",
    "postgresql://host/db?user=me&password=s3cret": "postgresql://host/db?user=me&password=***",
    "postgresql://me@host/db": "postgresql://me@host/db",
    "sqlite:////tmp/a:b@c/mlflow.db": "sqlite:////tmp/a:b@c/mlflow.db",
    "http://host:5000": "http://host:5000",
}


@pytest.mark.parametrize(("address", "public"), ADDRESSES.items())
def test_a_password_is_not_shown(address, public):
    assert shown(address, address) == public
    message = shown(f"cannot reach {address} ({' '.join(secrets(address))})", address)
    assert not any(secret in message for secret in secrets(address))


def test_a_password_in_the_settings_is_refused(monkeypatch):
    with pytest.raises(InputError, match="has a password") as caught:
        MLflowTracker(uri="http://me:s3cret@host")
    assert "s3cret" not in str(caught.value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:s3cret@host")
    assert "s3cret" not in repr(MLflowTracker().__getstate__()) + (MLflowTracker().hint() or "")


@pytest.mark.parametrize("name", ["plain", "a?b", "a%20b", "a#b", "it's ü"])
def test_the_database_lies_in_the_output_folder(tmp_path, monkeypatch, name):
    """SQLAlchemy opens the address, as MLflow does."""
    from sqlalchemy import create_engine, text

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    address = beside(tmp_path / name)
    (tmp_path / name).mkdir(exist_ok=True)
    with create_engine(address).begin() as connection:
        connection.execute(text("CREATE TABLE here (x)"))
    assert os.listdir(tmp_path / name) == ["mlflow.db"]
    with sqlite3.connect(tmp_path / name / "mlflow.db") as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("here",)]
    database.close()
    assert beside(tmp_path / name) == address


def test_a_closed_cache_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match="choose another output_dir"):
        beside(tmp_path / "a?b")
    assert beside(Path(tmp_path / "ab")).endswith("ab/mlflow.db")
