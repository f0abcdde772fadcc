"""Names and addresses as MLflow takes them, by MLflow's own checks, and as we show them."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param_name

from pairreg.errors import InputError
from pairreg.tracking.mlflow import MLflowTracker
from pairreg.tracking.mlflow_address import SCHEMES, beside, secrets, shown, unknown_scheme
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


def test_the_schemes_are_those_that_mlflow_registers():
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry

    assert {"", *SCHEMES} == set(_tracking_store_registry._registry)


@pytest.mark.parametrize(
    "address", [*ADDRESSES, "runs/x", "/tmp/a:b", "C:\\x", "HTTP://[::1", "mysql+pymysql://a/b", "uc"]
)
def test_an_address_that_mlflow_may_know_is_left_to_it(address):
    assert unknown_scheme(address) is None


def test_a_scheme_without_a_store_is_refused_before_mlflow_is_imported(tmp_path):
    (tmp_path / "plugin-1.dist-info").mkdir()
    (tmp_path / "plugin-1.dist-info" / "METADATA").write_text("Name: plugin\nVersion: 1\n")
    (tmp_path / "plugin-1.dist-info" / "entry_points.txt").write_text("[mlflow.tracking_store]\nmine=nowhere:Store\n")
    script = f"""
import sys
from pathlib import Path
from pairreg.errors import InputError
from pairreg.tracking.mlflow import MLflowTracker
from pairreg.tracking.mlflow_address import unknown_scheme
assert unknown_scheme("mine://x") is None
try:
    MLflowTracker(uri="foo://x").open("study", Path({str(tmp_path)!r}), {{}})
except InputError as error:
    assert "mlflow" not in sys.modules and "sqlalchemy" not in sys.modules
    print(error)
"""
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout.startswith("MLflow at foo://x cannot be used (it has no store for foo://, but"), done.stderr


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
