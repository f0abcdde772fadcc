"""`pairreg-doctor` on this machine, and on machines on which something is missing, silent or broken."""

import importlib.metadata
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from command_helpers import BIN, installed
from pairreg import devices
from pairreg.cli import doctor, doctor_checks
from pairreg.cli.doctor_checks import examine


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def path_of_this(tmp_path, monkeypatch):
    """A folder that is all of the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.slow
def test_what_it_finds_is_what_this_machine_has(tmp_path, path_of_this):
    folder = tmp_path / "here"
    folder.mkdir()
    done = installed("pairreg-doctor")("--json", cwd=folder, PATH=str(path_of_this))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lines = {line["check"]: line for line in json.loads(done.stdout)}
    found = {name: line["found"] for name, line in lines.items()}
    for name, line in lines.items():  # the disk may be nearly full, which costs the cache of compiled code, too
        assert line["status"] in (("ok", "warn") if name in ("disk", "compiled code") else ("ok", "none")), line
    assert lines["Slurm"]["status"] == "none"
    for name in ("tensorflow", "keras", "SimpleITK"):
        assert f"{name} {importlib.metadata.version(name)}" in found["packages"]
    assert found["processor"].startswith(f"{len(os.sched_getaffinity(0))} cores for threads=4, ")
    assert devices.native_precision() in found["precision"]
    free = float(found["disk"].partition(" GB free in ")[0])
    assert free == pytest.approx(shutil.disk_usage(folder).free / 1e9, rel=0.2)
    before, after = (float(text) for text in found["registration"].rpartition("SSIM ")[2].split(" to "))
    assert after > before and found["registration"].startswith("as expected, a pair in ")
    assert not list(folder.iterdir()), "nothing is left behind"


@pytest.mark.slow
def test_what_hangs_or_fails_is_a_line_each(tmp_path, path_of_this, monkeypatch, capsys):
    tried = ("devices", "compiled code", "tracking", "Slurm")
    monkeypatch.setattr(doctor_checks, "_CHECKS", {name: doctor_checks._CHECKS[name] for name in tried})
    monkeypatch.setattr(doctor_checks, "_OF_SLURM", 1.0)
    program(path_of_this, "sbatch", "exit 0")
    program(path_of_this, "sinfo", f"exec {shutil.which('sleep', path=os.defpath)} 100")
    program(path_of_this, "nvidia-smi", "echo NVIDIA-SMI has failed; exit 9")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_min_cluster_size=4")
        monkeypatch.setattr("sys.argv", ["pairreg-doctor", "--output-dir", str(tmp_path)])
        with pytest.raises(SystemExit) as end:
            doctor.main()
    out, err = capsys.readouterr()
    assert (end.value.code, err) == (1, ""), out
    said = " ".join(out.split())
    assert "none Slurm sinfo does not answer within 1 s; have `sinfo` work" in said
    assert "on the CPU; nvidia-smi: NVIDIA-SMI has failed; repair the driver" in said
    assert "fail tracking MLflow at http://me:***@127.0.0.1" in said and "secret" not in said
    assert "TF_XLA_FLAGS is set" in said


def of(name: str, output_dir: Path) -> tuple[str, str, str]:
    """Status, found and advice of one check, tried alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor_checks, "_CHECKS", {name: doctor_checks._CHECKS[name]})
        (finding,) = examine(output_dir)
    assert finding.check == name
    return finding.status, finding.found, finding.advice


def test_packages_that_are_missing_or_too_old_are_named_with_what_installs_them(tmp_path, monkeypatch):
    asked = ["numpy<1", "nothing-of-this-name>=2", "scipy", 'ray>=2.60; extra == "ray"']
    monkeypatch.setattr(importlib.metadata, "requires", {"pairreg": asked}.get)
    found = f"numpy {importlib.metadata.version('numpy')}, nothing-of-this-name missing"
    assert of("packages", tmp_path) == ("fail", found, "pip install 'numpy<1' 'nothing-of-this-name>=2'")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'main*  4 idle'; echo 'gpu 2 mixed'", ("ok", "partitions with their nodes: main* 4 idle; gpu 2 mixed")),
        ("echo 'sinfo: error: no controller' >&2; exit 1", ("none", "sinfo: error: no controller")),
        ("true", ("warn", "sinfo lists no partition")),
    ],
)
def test_slurm_is_what_sinfo_says(script, expected, tmp_path, path_of_this):
    program(path_of_this, "sbatch", "exit 0")
    program(path_of_this, "sinfo", script)
    assert of("Slurm", tmp_path)[:2] == expected


def test_ray_that_is_not_installed_has_its_line_to_type(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert of("Ray", tmp_path) == ("none", "not installed, which compute=ray needs", "pip install 'pairreg[ray]'")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"antspyx": "0.6", "itk-elastix": "0.25"}', ("ok", "antspyx 0.6, itk-elastix 0.25 in {}", "")),
        ('{"antspyx": "0.6"}', ("none", "antspyx 0.6; no itk-elastix, which method=elastix needs", "{} -m pip")),
        ("{}", ("none", "no antspyx, which method=ants_syn needs; no itk-elastix, which method=elastix needs", "{}")),
    ],
)
def test_libraries_of_other_methods_are_those_of_their_python(answer, expected, tmp_path, monkeypatch):
    program(tmp_path, "python", f"echo '{answer}'")
    monkeypatch.setenv("PAIRREG_PEERS", str(tmp_path / "python"))
    status, found, advice = of("other methods", tmp_path)
    assert (status, found) == (expected[0], expected[1].format(tmp_path / "python"))
    assert advice.startswith(expected[2].format(tmp_path / "python")) and bool(advice) == bool(expected[2])


def test_the_python_of_other_methods_may_not_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("PAIRREG_PEERS", str(tmp_path / "nowhere"))
    status, found, advice = of("other methods", tmp_path)
    assert status == "warn" and "nowhere cannot be started" in found and "PAIRREG_PEERS" in advice


@pytest.mark.parametrize(("ssim", "expected"), [(0.45, True), (0.46, True), (0.6, False), (0.4, False)])
def test_a_registration_that_finds_something_else_fails(ssim, expected, tmp_path, monkeypatch, write_run):
    run = write_run("made", metrics={"initial/ssim": 0.3, "ssim": ssim, "seconds": 2.5})

    def registers(module, arguments, seconds, environment):
        (folder,) = (one.removeprefix("output_dir=") for one in arguments if one.startswith("output_dir="))
        shutil.copytree(run, Path(folder) / "doctor" / "made")

    monkeypatch.setattr(doctor_checks, "_call", registers)
    status, found, advice = of("registration", tmp_path)
    measured = f"a pair in 2.5 s, SSIM 0.30 to {ssim:.2f}"
    if expected:
        assert (status, found, advice) == ("ok", f"as expected, {measured}", "")
    else:
        assert (status, found) == ("fail", measured) and advice.startswith("0.45 is expected")


def test_a_folder_that_cannot_be_written_is_a_line(tmp_path):
    (tmp_path / "file").write_text("")
    status, found, _ = of("disk", tmp_path / "file" / "runs")
    assert status == "fail" and "is no folder that you may write to" in found


def test_a_full_disk_is_a_line(tmp_path, monkeypatch):
    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: real._replace(free=100 << 20))
    assert of("disk", tmp_path)[0] == "fail"


def test_a_cache_that_others_may_write_to_is_not_used(tmp_path, monkeypatch):
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "pairreg").mkdir()
    (tmp_path / "pairreg").chmod(0o777)
    status, found, _ = of("compiled code", tmp_path)
    assert status == "warn" and "others may write to it" in found


def test_a_database_of_something_else_fails_and_is_left_as_it_is(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").write_text("no database, but a text that is longer than a header of SQLite would be" * 9)
    before = (tmp_path / "mlflow.db").read_bytes()
    status, found, advice = of("tracking", tmp_path)
    assert status == "fail" and "not a database" in found and advice, found
    assert (tmp_path / "mlflow.db").read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_check_that_breaks_is_a_line_too(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor_checks, "_CHECKS", {"odd": lambda _: 1 // 0})
    (finding,) = examine(tmp_path)
    assert (finding.status, finding.found) == ("fail", "ZeroDivisionError: integer division or modulo by zero")


def test_a_probe_that_crashes_says_how(tmp_path, monkeypatch):
    with pytest.raises(doctor_checks._Silent, match="No module named no_module_of_this_name"):
        doctor_checks._call("no_module_of_this_name", [], 60, {})


def test_its_table_is_read_by_people(tmp_path):
    done = subprocess.run([BIN / "pairreg-doctor", "--output-dir"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and "expected one argument" in done.stderr
