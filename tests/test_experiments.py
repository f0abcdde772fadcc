"""Every file of `experiments/`: what its head says, and that its runs can be made."""

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from command_helpers import many
from pairreg.cli.plugins import register_plugins
from pairreg.composition import composed_with_hydra

FOLDER = Path(__file__).parents[1] / "experiments"
FILES = {f"{path.parent.name}={path.stem}": path for path in sorted(FOLDER.glob("*/*.yaml"))}


@pytest.mark.parametrize("name", FILES)
def test_it_says_what_it_is_for_and_defines_nothing(name):
    text = FILES[name].read_text()
    for word in ("Question", "Command", "Outcome"):
        assert re.search(rf"^# {word}: +\S", text, re.MULTILINE), word
    assert f"pairreg {name}" in text
    assert "_target_" not in text
    studies = OmegaConf.load(FILES[name]).get("hydra") is not None
    assert not studies or re.search(r"^# Minutes: +\S", text, re.MULTILINE)


def varied(path: Path) -> set[str]:
    """The groups among whose options, or of whose settings, a study has several."""
    sweeper = OmegaConf.select(OmegaConf.load(path), "hydra.sweeper") or {}
    return {key.partition(".")[0] for part in ("params", "space") for key in sweeper.get(part) or {}}


COMPARED = {"similarity", "regularizer", "transform"}
STARTING = [path.stem for path in FOLDER.glob("preset/*.yaml") if "override /initialization" in path.read_text()]
COMPARING = [
    name
    for name, path in FILES.items()
    if path.parent.name in ("ablation", "sweep", "figure") and varied(path) & COMPARED
    if name != "sweep=overlap"  # it compares nothing: it looks for the settings that suit a preset with its start
]


def test_studies_of_what_makes_the_field_are_known_as_such():
    assert {"fast", "accurate"} <= set(STARTING)
    assert {"ablation=similarity", "sweep=tradeoff", "figure=weight_sweep", "figure=loss_comparison"} <= {*COMPARING}
    assert not {"ablation=initialization", "ablation=method", "figure=protocol_comparison"} & {*COMPARING}


@pytest.mark.parametrize("preset", STARTING)
@pytest.mark.parametrize("name", COMPARING)
def test_a_study_of_what_makes_the_field_begins_with_the_affine_alignment_under_any_preset(name, preset):
    register_plugins()  # some studies choose our sweepers
    config = composed_with_hydra([name, f"preset={preset}"])
    assert config.hydra.runtime.choices.initialization == "affine"
    assert config.initialization == composed_with_hydra(["initialization=affine"]).initialization
    assert composed_with_hydra([f"preset={preset}"]).hydra.runtime.choices.initialization != "affine"


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What the command answers to a dry run of each file, all in one folder."""
    folder = tmp_path_factory.mktemp("dry")
    done = many("pairreg", [[name, "dry_run=true"] for name in FILES], folder, tmp_path_factory.mktemp("said"))
    return dict(zip(FILES, done, strict=True)), folder


@pytest.mark.parametrize("name", FILES)
def test_its_runs_compose_and_check(name, answers):
    done = answers[0][name]
    if name.startswith("benchmark="):  # whose data nobody may pass on
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
        assert "does not exist; get " in done.stderr and "https://" in done.stderr and " or give pair." in done.stderr
        return
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert " to do" in done.stdout and "missing" in done.stdout


def test_a_dry_run_leaves_nothing(answers):
    assert not list(answers[1].iterdir())
