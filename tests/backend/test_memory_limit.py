"""A limit of the virtual memory that TensorFlow does not fit into is refused before TensorFlow is imported."""

import resource
import subprocess

import pytest

from command_helpers import BIN, OF_COVERAGE, environment_without


@pytest.mark.parametrize("gigabytes", [1.2, 2.5, 3.5])
def test_too_little_virtual_memory_is_one_sentence(gigabytes, tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (int(gigabytes * 1e9),) * 2)

    command = [str(BIN / "pairreg"), "preset=smoke", "transform=displacement", "pair=phantom_2d", "tracking=none"]
    given = environment_without(*OF_COVERAGE)
    done = subprocess.run(
        command, cwd=tmp_path, env=given, preexec_fn=limit, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1, (done.returncode, done.stderr)
    assert f"limited to {gigabytes} GB (ulimit -v)" in done.stderr
    assert not list(tmp_path.rglob("result.json"))
