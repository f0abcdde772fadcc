import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAIRREG = str(Path(sys.executable).with_name("pairreg"))


@pytest.mark.skipif(shutil.which("lscpu") is None, reason="lscpu is the other witness")
def test_native_precision_is_what_lscpu_tells():
    listed = subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout
    wanted = "mixed_bfloat16" if {"avx512_bf16", "amx_bf16", "bf16"} & set(listed.split()) else "float32"
    command = [PAIRREG, "preset=published_2d", "--cfg", "job", "--resolve"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"precision: {wanted}\n" in printed


def test_native_precision_is_recorded_and_signed_as_what_it_stands_for(tmp_path):
    def states(precision: str) -> str:
        command = [PAIRREG, "dry_run=true", f"precision={precision}"]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout

    native = states("${native_precision:}")
    assert native in (states("float32"), states("mixed_bfloat16"))
