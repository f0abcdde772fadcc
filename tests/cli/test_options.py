"""`pairreg-options` and the list in `pairreg --help`, as real commands."""

import re

import pytest

from command_helpers import installed
from pairreg.reference.options import groups

LOSS = '''
from dataclasses import dataclass
from pairreg.similarity.base import Similarity

@dataclass(frozen=True, kw_only=True)
class Huber(Similarity):
    """Compares images by Huber's loss, which outliers do not rule. More of it.

    Source: Huber, Annals of Mathematical Statistics 35:73 (1964).
    """

    delta: float = 0.1

    def loss(self, fixed, warped, mask):
        return 0.0
'''
OPTION = "huber:\n  _target_: my_losses.Huber\n  weight: 1.0  # factor\n  delta: 0.1  # where it becomes linear\n"


@pytest.fixture(scope="module")
def options():
    return installed("pairreg-options")


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "my_losses.py").write_text(LOSS)
    (tmp_path / "my_conf" / "similarity").mkdir(parents=True)
    (tmp_path / "my_conf" / "similarity" / "huber.yaml").write_text(OPTION)
    return tmp_path


def test_every_option_is_a_line_also_in_help(options, pairreg, tmp_path):
    for done in (options(cwd=tmp_path), pairreg("--help", cwd=tmp_path)):
        assert (done.returncode, done.stderr) == (0, "")
        for group in groups().values():
            listed = done.stdout[done.stdout.index(f"\n{group.name}: " if group.name != "pair" else "pair: ") :]
            for option in group.options:
                assert re.search(rf"^  [ *] {option.name} +\S", listed, re.MULTILINE), (group.name, option.name)


def test_every_option_of_every_group_prints(options, tmp_path):
    """All groups in one call: names, settings, ranges and sources."""
    done = options(*groups(), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for group in groups().values():
        for option in group.options:
            assert f"{group.name}/{option.name}" in done.stdout
            for part in option.parts:
                assert part.target in done.stdout
                assert all(re.search(rf"^ +{s.key} ", done.stdout, re.MULTILINE) for s in part.settings())
    assert "whole number, 3 to 999, odd" in done.stdout


def test_one_option_is_told_whole(options, tmp_path):
    told = [options(name, cwd=tmp_path).stdout for name in ("similarity/ncc", "similarity=ncc")]
    assert told[0] == told[1]
    for text in ("Avants et al.", "Flat windows", "pairreg similarity=ncc similarity.ncc.KEY=VALUE", "box or gaussian"):
        assert text in told[0]


def test_a_variant_says_what_it_chooses(options, tmp_path):
    done = options("transform/published_2d", cwd=tmp_path)
    assert "transform=unet" in done.stdout and "transform.width=24" in done.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("similarty", "config group 'similarty' is not one of pair, method,"),
        ("similarty", "did you mean 'similarity'?"),
        ("diffusion", "diffusion is an option, not a group; give regularizer/diffusion."),
        ("fast", "give regularizer/fast or schedule/fast or preset/fast."),
        ("similarity/nc", "similarity option 'nc' is not one of dice, landmarks, mi,"),
        ("similarity/", "similarity option '' is not one of"),
        ("", "config group '' is not one of"),
    ],
)
def test_an_unknown_name_is_one_sentence(name, message, options, tmp_path):
    done = options("transform", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("pairreg-options: ") and message in done.stderr


def test_a_loss_of_ones_own_is_listed_without_running_it(options, pairreg, mine):
    here = {"cwd": mine, "PYTHONPATH": "."}
    (mine / "my_losses.py").write_text(f"raise SystemExit('imported')\n{LOSS}")
    for done in (options("-cd", "my_conf", **here), pairreg("--config-dir", "my_conf", "--help", **here)):
        assert (done.returncode, done.stderr) == (0, "")
        assert "    huber           Compares images by Huber's loss, which outliers do not rule.\n" in done.stdout
    done = options("--config-dir", "my_conf", "similarity/huber", **here)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Annals of Mathematical Statistics" in done.stdout and "where it becomes linear" in done.stdout
    assert "trusted_modules=[my_losses]" in done.stdout and "number, 0 to 1e9" not in done.stdout


def test_code_that_is_trusted_says_what_its_settings_may_be(options, mine):
    here = {"cwd": mine, "PYTHONPATH": "."}
    arguments = ("--config-dir", "my_conf", "similarity/huber")
    by_argument = options(*arguments, "trusted_modules=[my_losses]", **here)
    by_environment = options(*arguments, PAIRREG_TRUSTED_MODULES="my_losses", **here)
    assert by_argument.stdout == by_environment.stdout and "number, 0 to 1e9" in by_argument.stdout
    assert "is shown if" not in by_argument.stdout


def test_a_folder_that_is_not_there_is_one_sentence(options, pairreg, tmp_path):
    for call in (options, pairreg):
        done = call("--config-dir", "nowhere", *(["--help"] if call is pairreg else []), cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "") and "nowhere is not a folder" in done.stderr


def test_a_page_of_some_groups(options, tmp_path):
    done = options("--markdown", "schedule", cwd=tmp_path)
    assert done.returncode == 0 and re.findall("^## (.*)$", done.stdout, re.MULTILINE) == ["schedule"]


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}, {"COLUMNS": "40"}], ids=str)
def test_any_terminal_will_do(environment, options, tmp_path):
    for names in ((), ("regularizer",), ("similarity/ncc",)):
        done = options(*names, cwd=tmp_path, **environment)
        assert (done.returncode, done.stderr) == (0, "") and "\x1b" not in done.stdout
