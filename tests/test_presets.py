"""A preset from Python is the same registration as from the command line."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import pairreg as library
from pairreg import option_files, registration

SMOKE = {"preset": "smoke", "transform": "displacement"}


def field_of(folder: Path) -> bytes:
    (file,) = folder.rglob("displacement.nii.gz")
    return file.read_bytes()


@pytest.mark.slow
def test_python_and_the_command_write_the_same_bytes(pairreg, tmp_path):
    """The default network, and explicit arguments in place of what the preset chose."""
    pair = library.build("pair/thorax_ct_2d")
    for n, given in enumerate(({"preset": "smoke"}, SMOKE | {"similarity": "mi"})):
        command, python = tmp_path / f"command{n}", tmp_path / f"python{n}"
        command.mkdir()
        done = pairreg(*(f"{k}={v}" for k, v in given.items()), "tracking=none", cwd=command)
        assert done.returncode == 0, done.stderr
        library.register(pair, **given).save(python)
        assert field_of(python) == field_of(command)


def test_explicit_arguments_replace_what_the_preset_chose(warped_2d):
    schedule = library.build("schedule/single_level", iterations=2)
    result = library.register(warped_2d.pair(), preset="fast", similarity="mi", schedule=schedule)
    assert len(result.history) == 2
    terms = [name for name in result.history.names if "/" in name]
    assert terms == ["similarity/mi", "regularizer/diffusion", "regularizer/jacobian"]


@pytest.mark.parametrize(
    ("group", "variant"), [(g, v) for g in option_files.TERM_GROUPS for v in option_files.variants(g)]
)
def test_a_variant_of_terms_stands_for_all_of_them(group, variant):
    built = library.build(f"{group}/{variant}")
    assert registration.terms(group, variant) == built
    assert list(registration.terms(group, [variant, "own:" + next(iter(built))])) == [*built, "own"]
    with pytest.raises(library.InputError, match=f"should give its own name to one option; {variant} is a variant"):
        registration.terms(group, f"own:{variant}")


def test_a_preset_leaves_no_state_of_hydra_behind():
    GlobalHydra.instance().clear()
    registration.of_preset("fast")
    assert not GlobalHydra.instance().is_initialized()


def test_a_preset_inside_a_hydra_program_of_the_user_changes_nothing_there(tmp_path):
    (tmp_path / "theirs.yaml").write_text("answer: 42\n")
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        registration.of_preset("fast")
        assert compose("theirs") == {"answer": 42}
