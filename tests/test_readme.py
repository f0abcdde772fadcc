"""What the README files show, run or composed."""

import os
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import draw_pictures
from command_helpers import installed, many, only_run
from pairreg import geometry
from pairreg.pair.phantom import phantom_3d
from pairreg.runs.read import Run

ROOT = Path(__file__).parents[1]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "src/README.md")),
        *(path for folder in ("conf", "experiments") for path in sorted((ROOT / folder).rglob("README.md"))),
    )
}
SETTING = r"^(?:[A-Z_]+=\S+ )*"  # variables of the environment before a command


def commands(*pages: str) -> list[str]:
    """The commands of the pages: their indented lines, without comments and what stands in fences."""
    text = "\n".join(re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE) for page in pages)
    return re.findall(r"^    (\S.*?)(?:  +#.*)?$", text.replace("\\\n", " "), re.MULTILINE)


def arguments_of(program: str, *pages: str) -> list[list[str]]:
    """The arguments of every call of a program in the pages, by default in all."""
    found = [re.fullmatch(SETTING + re.escape(program) + "(?: (.*))?", line) for line in commands(*(pages or PAGES))]
    return [shlex.split(match[1] or "") for match in found if match]


def block_after(title: str, language: str) -> str:
    """The block in the pages that stands below the name of its file."""
    found = re.search(rf"`{re.escape(title)}`\n\n```{language}\n(.*?)```", "\n".join(PAGES.values()), re.DOTALL)
    assert found, title
    return found[1]


@pytest.fixture
def extension(tmp_path):
    (tmp_path / "my_losses.py").write_text(block_after("my_losses.py", "python"))
    (tmp_path / "my_conf" / "similarity").mkdir(parents=True)
    (tmp_path / "my_conf" / "similarity" / "huber.yaml").write_text(
        block_after("my_conf/similarity/huber.yaml", "yaml")
    )
    return tmp_path


MINE = ("--config-dir", "my_conf", "similarity=huber", "trusted_modules=[my_losses]")


def test_a_loss_of_ones_own(pairreg, extension):
    quick = ("preset=smoke", "transform=displacement", "tracking=none")
    done = pairreg(*MINE, "similarity.huber.delta=0.05", *quick, cwd=extension, PYTHONPATH=".")
    assert done.returncode == 0, done.stderr
    run = Run.complete(only_run(extension))
    assert run.config["similarity"]["huber"]["delta"] == 0.05 and "similarity/huber" in run.history


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*MINE, "similarity.huber.delta=wide"), "similarity.huber.delta should be a valid number"),
        (MINE[:-1], "_target_ 'my_losses.Huber' is outside the trusted modules"),
    ],
)
def test_its_settings_are_checked_like_ours(pairreg, extension, arguments, message):
    done = pairreg(*arguments, cwd=extension, PYTHONPATH=".")
    assert done.returncode == 2 and message in done.stderr, done.stderr


def test_a_module_that_is_not_found_needs_its_folder(pairreg, extension):
    done = pairreg(*MINE, cwd=extension)
    assert done.returncode == 2 and "(No module named 'my_losses'); have PYTHONPATH name its folder." in done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_pictures_and_links_lead_somewhere(page):
    """Also those to a heading, whose address is its text in lower case with hyphens."""
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", PAGES[page])
    for link in links:
        file, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / file).resolve() if file else ROOT / page
        assert target.exists(), link
        titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles], (
            link
        )


def test_every_picture_is_made_by_the_command_beside_it():
    """The pictures that are shown are those that are made, each by the command above it, or the first of its page."""
    shown = set()
    for page in ("README.md", "experiments/README.md"):
        command = commands(page)[0]
        for line in PAGES[page].splitlines():
            if line.startswith("    "):
                command = line.strip()
            elif match := re.match(r"!\[.+\]\((.+)\)", line):
                picture = ((ROOT / page).parent / match[1]).resolve()
                made = draw_pictures.PICTURES[picture.stem].command
                assert picture.parent == draw_pictures.FOLDER
                assert made == re.sub(r"^\./scripts/run.*", "pairreg", command)
                shown.add(picture.stem)
    files = {path.stem: path.stat().st_size for path in draw_pictures.FOLDER.iterdir()}
    assert shown == draw_pictures.PICTURES.keys() == files.keys()
    assert max(files.values()) <= draw_pictures.LARGEST and sum(files.values()) <= 1_000_000


def test_the_gallery_gives_the_minutes_of_the_files():
    """Those in the head of each study, rounded down there as here: the first number."""
    gallery = PAGES["experiments/README.md"].partition("## Gallery")[2]
    given = re.findall(r"^`(\w+=\w+)`, (\d+) minutes?", gallery, re.MULTILINE)
    given += re.findall(r"^\| `pairreg (\w+=\w+)[^|]*\| (\d+) ", gallery, re.MULTILINE)
    assert len(given) >= 10
    for name, minutes in given:
        head = (ROOT / "experiments" / f"{name.replace('=', '/')}.yaml").read_text()
        assert re.search(r"^# Minutes: +\D*(\d+)", head, re.MULTILINE)[1] == minutes, name


def test_every_command_composes(extension):
    """Printed instead of run: their options and keys exist, also of those that begin at the folder of a run."""
    (extension / "my_conf" / "ablation").mkdir()
    own = block_after("my_conf/ablation/windows.yaml", "yaml")
    (extension / "my_conf" / "ablation" / "windows.yaml").write_text(own)
    quick = ["transform=displacement", "preset=smoke", "tracking=none", "output_dir=runs"]
    calls = list(map(list, dict.fromkeys(tuple(of_one_run(arguments)) for arguments in arguments_of("pairreg"))))
    assert len(calls) >= 40
    done = installed("pairreg")(*quick, cwd=extension)
    assert done.returncode == 0, done.stderr
    run = str(only_run(extension))
    calls = [[re.sub("runs/default/(0123abcd|4567cdef)", run, one) for one in call] for call in calls]
    (extension / "said").mkdir()
    for call, answer in zip(calls, many("pairreg", calls, extension, extension / "said"), strict=True):
        assert answer.returncode == 0, (call, answer.stderr)
    (compared,) = arguments_of("pairreg-diff")
    done = installed("pairreg-diff")(*([run] * len(compared)), cwd=extension)
    assert done.returncode == 0 and "The runs are the same." in done.stdout, done.stderr


def of_one_run(arguments: list[str]) -> list[str]:
    """The arguments that print the config of one run of a command."""
    if "-m" in arguments:
        one_each = [a for a in arguments if a != "-m" and "interval(" not in a]
        arguments = [re.split(r",(?![^\[]*\])", a)[0] for a in one_each]  # at commas that are outside of lists
    return [*arguments, "--cfg", "job"]


OTHERS = ("check", "convert", "evaluate", "export", "pack", "spect", "view", "warp")


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_command_is_understood(name, tmp_path):
    """In an empty folder it misses what it is given, and nothing else is wrong with it."""
    calls = arguments_of(f"pairreg-{name}")
    assert calls
    (tmp_path / "said").mkdir()
    (tmp_path / "empty").mkdir()
    for call, done in zip(calls, many(f"pairreg-{name}", calls, tmp_path / "empty", tmp_path / "said"), strict=True):
        given = [part.partition("=")[2] or part for part in call]
        assert done.returncode == 2 and "--help" not in done.stderr, (call, done.stderr)
        assert any(file.rstrip("/") in done.stdout + done.stderr for file in given), (call, done.stderr)


def test_there_is_no_other_kind_of_command():
    """And the two commands of the first page are there to be run; `tests/scripts` runs the script of the data."""
    known = (*(f"pairreg-{name}" for name in (*OTHERS, "diff", "doctor", "options")), "pairreg")
    programs = {re.sub(SETTING, "", line).split()[0] for line in commands(*PAGES)} - {*known}
    assert programs == {"./scripts/run", "./scripts/test", "source", ".ci/run", ".venv/bin/python"}
    runnable = (".ci/run", *(f"scripts/{name}" for name in ("run", "test", "draw_pictures", "check_lower_ends")))
    assert all(os.access(ROOT / name, os.X_OK) for name in runnable)
    ((script, *arguments),) = arguments_of(".venv/bin/python")
    assert script == "scripts/prepare_naf_prostate.py"
    options = {one for one in arguments if one.startswith("--")}
    text = (ROOT / script).read_text()
    assert all(f'"{option}"' in text for option in options)


def test_every_look_at_the_options_succeeds(extension):
    calls = arguments_of("pairreg-options")
    assert len(calls) >= 3
    (extension / "said").mkdir()
    for call, done in zip(calls, many("pairreg-options", calls, extension, extension / "said"), strict=True):
        assert (done.returncode, done.stderr) == (0, ""), call


def test_the_commands_are_those_that_are_installed():
    """The table of the first page names each command once."""
    named = re.findall(r"`(pairreg[\w-]*)`", PAGES["README.md"].partition("| command |")[2].partition("\n\n")[0])
    installed_here = {path.name for path in Path(sys.executable).parent.glob("pairreg*")}
    assert len(named) == len(set(named)) and set(named) == installed_here


def test_the_python_example_runs(tmp_path, warped_2d, monkeypatch):
    code = re.search(r"## From Python\n\n```python\n(.*?)```", PAGES["src/README.md"], re.DOTALL)
    assert code
    monkeypatch.chdir(tmp_path)
    for name in ("fixed", "moving"):
        sitk.WriteImage(warped_2d.image(name), f"{name}.nii.gz")
    exec(code[1].replace('transform="displacement"', 'transform="displacement", schedule="single_level"'), {})
    assert (tmp_path / "my_result" / "result.json").exists()


@pytest.mark.slow
def test_a_phantom_in_raw_files(pairreg, pairreg_warp, tmp_path):
    """With headers as in the README, to a deformed one elsewhere in space; the total of its activity is kept."""
    pair = phantom_3d(size=(64, 64, 12), spacing=6.0, level=280.0, deformation=10.0)
    volumes = {"atn": pair.channels["attenuation"], "act": pair.channels["activity"], "organs": pair.moving_labels}
    text = block_after("atn.mhd", "").replace("256 256 500", "64 64 12").replace("3.125 3.125 3.125", "6 6 6")
    for name, volume in volumes.items():
        geometry.array(volume).astype("<f4").tofile(tmp_path / f"{name}.bin")
        (tmp_path / f"{name}.mhd").write_text(text.replace("xcat_atn_1.bin", f"{name}.bin"))
    pair.fixed.SetOrigin([x + 1000 for x in pair.fixed.GetOrigin()])
    sitk.WriteImage(pair.fixed, str(tmp_path / "ct.nii.gz"))
    given = ("pair.fixed=ct.nii.gz", "pair.moving=atn.mhd", "pair.moving_labels=organs.mhd")
    quick = ("preset=smoke", "transform=displacement", "tracking=none")
    done = pairreg("pair=files", *given, "pair.channels={activity: act.mhd}", *quick, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path)
    done = pairreg_warp(run, "act.mhd", "-o", "activity_on_ct.nii.gz", "--mass-preserving", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    carried = geometry.array(sitk.ReadImage(str(tmp_path / "activity_on_ct.nii.gz")))
    assert carried.sum() == pytest.approx(geometry.array(volumes["act"]).sum(), rel=0.1)
    found = set(np.unique(geometry.array(sitk.ReadImage(str(run / "warped_labels.nii.gz")))))
    assert len(found) > 10 and found <= set(np.unique(geometry.array(pair.moving_labels)))


def test_icrp_organ_numbers_with_the_lines_of_the_readme(tmp_path, monkeypatch):
    numbers = np.random.default_rng(0).choice([0, 1, 13, 140], (4, 5, 18))
    parts = (
        part for line in numbers.reshape(-1, 18) for part in (line[:16], line[16:])
    )  # 16 in a line, as ICRP has it
    (tmp_path / "AM.dat").write_text("\n".join(" ".join(map(str, part)) for part in parts))
    (tmp_path / "AM_organs.dat").write_text(
        "Organ ID   Organ/tissue        Tissue  Density\n"
        "  1        Adrenal, left          43    1.030\n"
        " 13        Humeri, upper half, cortical  2    1.920  \n"
        "140        Air inside body        53    0.001\n"
    )
    monkeypatch.chdir(tmp_path)
    exec(block_after("icrp.py", "python").replace("222, 127, 254", "4, 5, 18"), {})
    organs, ct = (sitk.ReadImage(str(tmp_path / name)) for name in ("AM_organs.nii.gz", "AM_ct.nii.gz"))
    np.testing.assert_array_equal(geometry.array(organs), numbers)
    expected = np.select([numbers == 1, numbers == 13, numbers == 140], [30, 920, -999], -1000)
    np.testing.assert_allclose(geometry.array(ct), expected, atol=1e-3)
    np.testing.assert_allclose((organs.GetSpacing(), ct.GetSpacing()), [(2.137, 2.137, 8.0)] * 2, rtol=1e-6)
    assert organs.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
