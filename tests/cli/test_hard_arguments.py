"""Paths and names as people have them, through the real commands."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from command_helpers import many
from pairreg.cli import evaluate, hydra_errors
from pairreg.cli.outputs import output_file
from pairreg.cli.text_overrides import with_text_quoted
from pairreg.composition import quoted
from pairreg.files import is_there

FOLDERS = [
    "plain",
    "my scans (1)",
    "a=b",
    "a,b",
    "[x]",
    "{x}",
    "it's",
    'say "x"',
    "a?b",
    "a%20b",
    "a#b",
    "größe",
    "肺 😀",
]
FOLDERS += ["a&b;c|d", "$HOME", "!x", "a*", "back\\slash", "a:b@c", "-x", "null", "x" * 250, "(", "a b, c", "a~", "%"]
CASES = ["12_1", "121", "3e2", "300.0", "null", "true", "1.50", "1.5", "007", "0x10", "inf", "ü-1"]
DRY = ("tracking=none", "dry_run=true")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_any_text_arrives_as_it_is(text):
    """Quotes at the beginning and `${` are Hydra's own language, blanks around a value never count."""
    if text[0] in "'\"" or "${" in text or text != text.strip() or re.match(r"\w+\(", text):
        return
    (argument,) = with_text_quoted([f"study={text}"])
    assert OverridesParser.create().parse_override(argument).value() == text


@pytest.mark.parametrize(
    "argument",
    [
        *("pair.fixed_labels=null", "pair.case='a, b'", "pair.case=a*", "similarity=[a,b]", "pair.case=glob(*)", "x"),
        *("pair.fixed='a, b','c'", "method.path='[a.mat,1]','b.tfm'", "method.path=['[a.mat,1]',b.tfm],'c'"),
    ],
)
def test_what_hydra_reads_as_meant_stays(argument):
    assert with_text_quoted([argument]) == [argument]


LONG = f"pair.label_names={{{', '.join(f'{i}: region_{i}' for i in range(1, 41))}}}"


@pytest.mark.parametrize("argument", [LONG, "~similarity=nobody"])
def test_what_can_be_no_path_is_a_setting(argument, tmp_path):
    """It is too long for the name of a file, or begins as the home folder of nobody."""
    assert not is_there(argument) and evaluate._is_setting(argument)
    figure = tmp_path / "o.png"
    figure.touch()
    assert output_file(figure, [argument.removeprefix("~")], (".png",)) == figure, "it is none of the inputs"


def test_a_word_that_is_longer_than_a_file_name_may_be():
    assert "cannot be read" in hydra_errors._unreadable("a" * 300)


def test_overrides_may_stand_on_both_sides_of_an_option():
    given = ["a=1", "-m", "b=2", "--config-dir", "x", "c=3", "--info", "d=4"]
    assert with_text_quoted(given) == ["a=1", "b=2", "c=3", "d=4", "-m", "--config-dir", "x", "--info"]
    assert with_text_quoted(["--cfg", "job", "a=1"]) == ["a=1", "--cfg", "job"]
    assert with_text_quoted(["--info", "plugins", "a=1"]) == ["a=1", "--info", "plugins"]


def test_a_setting_that_is_given_twice_is_no_mapping_that_a_shell_took_apart():
    for typed in (
        ["pair.label_names={1:a}", "seed=1"],
        ["tracking.uri=http://a", "tracking.uri=http://b"],
        ["a=b:c"] * 2,
    ):
        assert [one.replace("'", "") for one in with_text_quoted(typed)] == typed


def test_several_values_stay_several(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert with_text_quoted(["pair.case=12_1,a,3e2"]) == ["pair.case='12_1',a,'3e2'"]
    assert (
        with_text_quoted(["study=a,b"]) == ["study='a,b'"] and with_text_quoted(["study=a,b", "-m"])[0] == "study=a,b"
    )
    (tmp_path / "a,b").touch()
    assert with_text_quoted(["pair.fixed=a,b", "pair.fixed=a,c"]) == ["pair.fixed='a,b'", "pair.fixed=a,c"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name in FOLDERS:
        (folder / name).mkdir()
    for name in ("f", "m", "other"):
        image = sitk.GetImageFromArray(rng.normal(size=(20, 24)).astype(np.float32))
        sitk.WriteImage(image, folder / f"plain/{name}.nii.gz")
    for name in FOLDERS[1:]:
        (folder / name / "f.nii.gz").write_bytes((folder / "plain/f.nii.gz").read_bytes())
    return folder


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]


@pytest.mark.slow
def test_any_path_is_the_file_that_it_names(images, tmp_path):
    """The signature tells the content that was read: the same for all paths of one file."""
    moving = "pair.moving=plain/m.nii.gz"
    calls = [["pair=files", f"pair.fixed={images / f}/f.nii.gz", moving, f"output_dir={f}", *DRY] for f in FOLDERS]
    calls += [
        ["pair=files", f"pair.fixed={f}/f.nii.gz", moving, f"study={f[:9]}s", *DRY] for f in FOLDERS if "\\" not in f
    ]
    calls.append(["pair=files", "pair.fixed=plain/other.nii.gz", moving, *DRY])
    before = set(images.rglob("*"))
    answers = many("pairreg", calls, images, tmp_path)
    for answer in answers:
        assert (answer.returncode, answer.stderr) == (0, ""), answer
    signatures = [rows(answer.stdout)[0][0] for answer in answers]
    assert len(set(signatures[:-1])) == 1 and signatures[-1] != signatures[0]
    assert set(images.rglob("*")) == before


@pytest.fixture(scope="module")
def packed(images, pairreg_pack, tmp_path_factory):
    """One file with a case of each name, each with its own image."""
    table = ["case,fixed,moving"]
    for i, case in enumerate(CASES):
        sitk.WriteImage(sitk.GetImageFromArray(np.eye(9, 8, i % 8) + i), images / f"{i}.nii.gz")
        table.append(f"{case},{i}.nii.gz,plain/m.nii.gz")
    (images / "cases.csv").write_text("\n".join(table))
    file = tmp_path_factory.mktemp("packed") / "c.h5"
    assert pairreg_pack("cases.csv", file, cwd=images).returncode == 0
    return file


@pytest.mark.slow
def test_the_name_of_a_case_is_text(images, packed, tmp_path):
    """All together say which signature is whose."""
    source = ["pair=hdf5", f"pair.file={packed}", *DRY]
    calls = [[*source, f"pair.case={case}"] for case in ("*", *CASES)]
    calls.append(["-m", *source, f"pair.case={','.join(CASES)}"])
    every, *single, several = many("pairreg", calls, images, tmp_path)
    owner = {row[2]: row[0] for row in rows(every.stdout)}
    assert sorted(owner) == sorted(CASES)
    for case, answer in zip(CASES, single, strict=True):
        assert answer.returncode == 0 and rows(answer.stdout)[0][0] == owner[case], answer
    assert {row[2]: row[0] for row in rows(several.stdout)} == owner


@pytest.mark.slow
def test_the_name_of_a_case_is_text_where_pairs_are_chosen_from_a_pattern(images, packed, tmp_path):
    """Each case alone tunes a comparison, and all of them make a trial of a search, as the runs that they are."""
    source = ["-m", "pair=hdf5", f"pair.file={packed}", "pair.case=*", *DRY]
    one = [*source, "ablation=similarity_matched", "similarity=mse,pcc"]
    search = [*source, "hydra/sweeper=pairreg_search", "hydra.sweeper.objectives={ssim: maximize}"]
    calls = [["pair=hdf5", f"pair.file={packed}", "pair.case=*", "similarity=mse", *DRY]]
    calls += [[*one, f"hydra.sweeper.tune=[{quoted(case)}]"] for case in CASES]
    every = f"tune=[{','.join(map(quoted, CASES))}]"
    calls += [
        [*search, "optimizer.learning_rate=interval(0.1,1)", f"hydra.sweeper.{more}"]
        for more in ("pruner=wilcoxon", "pruner=median", every)
    ]
    plain, *chosen = many("pairreg", calls, images, tmp_path)
    owner = {row[2]: row[0] for row in rows(plain.stdout)}
    for case, answer in zip(CASES, chosen, strict=False):
        signatures = [row[0] for row in rows(answer.stdout)]
        assert answer.returncode == 0 and len(signatures) == 2, answer
        assert set(signatures) & set(owner.values()) == {owner[case]}
    wilcoxon, median, everything = chosen[len(CASES) :]
    for answer in (wilcoxon, median):
        assert answer.returncode == 0 and sorted(row[2] for row in rows(answer.stdout)) == sorted(CASES), answer
    assert everything.returncode == 2 and "tune names all pairs" in everything.stderr


LONG = "x" * 300
REFUSED = {
    "pair.fixed=~nouser/f.nii.gz": "home folder of nobody",
    "output_dir=~nouser/runs": "home folder of nobody",
    f"pair.fixed={LONG}.nii.gz": "too long",
    f"output_dir={LONG}": "too long",
    f"output_dir=plain/f.nii.gz/{'x' * 20}": "no folder",
    "output_dir=plain/f.nii.gz": "no folder",
    f"study={LONG}": "at most 200",
    "study=a/b": "is a path",
    "study=..": "is a path",
    "study=.x": "kept for other files",
    "study=mlflow.db": "kept for other files",
    "study=a\nb": "control character",
    "pair.fixed=no where/f.nii.gz": "no where/f.nii.gz does not exist",
    "pair.channels.PET/CT=plain/m.nii.gz": "",
    "pair.channels={labels: plain/m.nii.gz}": "means something else",
    "pair.channels={..: plain/m.nii.gz}": "path",
    "pair.label_names={1: lung, 2: lung}": "both 1 and 2",
    "pair.label_names={1: 2}": "valid string",
    "--config-dir=~nouser/conf": "home folder of nobody",
    f"--config-dir={LONG}": "not found",
    "--config-dir=no where": "not found",
    "tracking.uri=http://me:s3cret@host": "has a password",
}


def test_what_cannot_be_is_one_sentence(images, tmp_path):
    source = ["pair=files", "pair.fixed=plain/f.nii.gz", "pair.moving=plain/m.nii.gz", "preset=smoke"]
    calls = [[*source, "tracking=none" if "tracking" not in one else "seed=0", one] for one in REFUSED]
    before = set(images.rglob("*"))
    for (argument, message), answer in zip(REFUSED.items(), many("pairreg", calls, images, tmp_path), strict=True):
        assert answer.returncode == 2 and message in answer.stderr, (argument, answer)
        assert answer.stderr.startswith("pairreg: ") and len(answer.stderr.splitlines()) == 1, answer.stderr
        assert "s3cret" not in answer.stderr + answer.stdout
    assert set(images.rglob("*")) == before


UNREADABLE = [  # lists that do not end have a sentence of their own, see test_run
    "similarity=ncc (1)",
    "transform=a=b",
    "preset=~x",
    "transform=größe",
    "optimizer='a",
    "seed=#",
]


def test_an_argument_that_hydra_cannot_read_is_shown_as_the_shell_needs_it(images, tmp_path):
    """And what is shown is read: it is another sentence then, about the value itself."""
    answers = many("pairreg", [[one] for one in UNREADABLE], images, tmp_path)
    shown = []
    for argument, answer in zip(UNREADABLE, answers, strict=True):
        assert answer.returncode == 2 and repr(argument) in answer.stderr and len(answer.stderr.splitlines()) == 1
        shown.append(shlex.split(answer.stderr.partition("quote it: ")[2].rstrip(".\n")))
        assert len(shown[-1]) == 1, answer.stderr
    (tmp_path / "again").mkdir()
    for answer in many("pairreg", shown, images, tmp_path / "again"):
        assert answer.returncode == 2 and "cannot be read" not in answer.stderr and len(answer.stderr.splitlines()) == 1


MEANT = [
    ("preset=fast,accurate", "several values; add -m for a run with each of them."),
    ("seed=1,2", "several values; add -m for a run with each of them."),
    ("similarity=ncc,mi", "a run with each of them, or give similarity=[ncc,mi] for one list."),
    (
        "preset=[fast,smoke]",
        "should be one option; it is [fast,smoke]; preset=fast,smoke with -m makes a run with each",
    ),
    ("preset=[fast,smoke],accurate -m", "preset should be one option; it is [fast,smoke]"),
    ("transform=affine", "'affine' is an option elsewhere: initialization=affine."),
    ("similarity=pcc+ssim", "several terms are a list: similarity=[pcc,ssim]."),
    ("similarity=pet:ncc+0.5*mi", "several terms are a list: similarity=[pet:ncc,mi] similarity.mi.weight=0.5."),
    ("similarity=[ncc:0.5,mi]", "a weight is a setting: similarity.ncc.weight=0.5."),
    ("similarity=[ncc,0.5]", "similarity should be a list of options by name; it is [ncc,0.5]."),
    ("'similarity=[{ncc: 2}]'", "similarity should be a list of options by name; it is [{'ncc': 2}]."),
    ("similarity=ncc similarity.weight=5", "whose it is; give similarity.ncc.weight=VALUE."),
    ("~method windw=9", "key 'windw' is not one of"),
    ("pair.channels=a.nii", "pair.channels is a setting of files, which is not chosen; pair=files chooses it."),
    ("tracking=none tracking.x=1", "tracking: key 'x' does not exist here."),
    ("control_spacing=9", "give transform=bspline transform.control_spacing=VALUE."),
    ("optimizer.lr=0.1", "did you mean 'learning_rate'?"),
    ("preest=fast", "did you mean 'preset'?"),
    ("schedule.iterations=100", "schedule.iterations should be a valid list, such as [100]; it is 100."),
    ("dry_run", "dry_run needs a value, such as dry_run=true."),
    ("similarity", "similarity needs a value, such as similarity=[pcc,ssim]."),
    ("transform.width", "transform.width needs a value, such as transform.width=VALUE."),
    ("fast", "give preset=fast or regularizer=fast or schedule=fast."),
    ("nothing", "argument 'nothing' cannot be read; give GROUP=OPTION or KEY=VALUE."),
    ("--preset=fast seed=1", "argument '--preset=fast' is no option; write preset=fast."),
    ("--dry-run seed=1", "argument '--dry-run' is no option; write dry_run=true."),
    ("'--study=a b'", "argument '--study=a b' is no option; write 'study=a b'."),
    ("pair.label_names=1:a pair.label_names=2:b", "quote it: 'pair.label_names={1:a,2:b}'."),
]


def test_what_is_written_otherwise_is_answered_by_how_it_is_written(tmp_path):
    answers = many("pairreg", [shlex.split(typed) for typed, _ in MEANT], tmp_path, tmp_path)
    for (typed, message), answer in zip(MEANT, answers, strict=True):
        assert answer.returncode == 2 and message in answer.stderr, (typed, answer)
        assert answer.stderr.startswith("pairreg: ") and len(answer.stderr.splitlines()) == 1, answer.stderr


OTHERS = {
    "pairreg-warp": [
        ["~nouser/run", "a.nii", "-o", "o.nii"],
        [LONG, "a.nii", "-o", "o.nii"],
        ["no [red]", "x", "-o", "o.nii"],
    ],
    "pairreg-convert": [
        ["~nouser/t.h5", "o.h5"],
        [LONG, "o.h5"],
        ["[~nouser/t.mat,1]", "o.h5"],
        ["no [red]", "plain/f.nii.gz", "o.h5"],
        ["plain/f.nii.gz", "o.h5", "--fixed", "~nouser/f.nii"],
        ["plain/f.nii.gz", LONG],
    ],
    "pairreg-report": [["~nouser/x"], [LONG], ["no [red] \udcff"], ["x", "--output-dir=~nouser"]],
    "pairreg-pack": [
        ["~nouser/x.csv", "o.h5"],
        [LONG, "o.h5"],
        ["cases.csv", LONG],
        ["cases.csv", "~nouser/o.h5"],
        ["plain/f.nii.gz", "o.h5"],
        ["plain/f.nii.gz", "o.h5", "--label-names", "1=a,1=b"],
    ],
    "pairreg-spect": [["~nouser/x"], [LONG], ["x", "-o", "~nouser/y"]],
    "pairreg-view": [["~nouser/x"], [LONG], ["no [red] \udcff"], ["x", "-o", "~nouser/y.html"], ["x", "-o", LONG]],
}


@pytest.mark.parametrize("command", OTHERS)
def test_the_other_commands(command, images, tmp_path):
    before = set(images.rglob("*"))
    for answer in many(command, OTHERS[command], images, tmp_path):
        assert answer.returncode == 2 and answer.stderr.startswith(f"{command}: "), answer
        assert len(answer.stderr.splitlines()) == 1, answer.stderr
    assert set(images.rglob("*")) == before


def test_home_is_expanded(images, tmp_path, pairreg):
    files = ("pair=files", "pair.fixed=~/plain/f.nii.gz", "pair.moving=~/plain/m.nii.gz", "output_dir=~/runs")
    quick = ("preset=smoke", "transform=displacement", "tracking=none")
    done = pairreg(*files, *quick, cwd=tmp_path, HOME=str(images), PYTHONIOENCODING="latin-1")
    assert done.returncode == 0, done.stderr
    assert list((images / "runs").rglob("result.json")) and not list(tmp_path.iterdir())
    assert Path(re.search(r"results: (.*)", done.stdout)[1]).is_relative_to(images / "runs")
