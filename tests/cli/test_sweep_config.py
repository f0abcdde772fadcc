"""Settings of options that only the jobs of a sweep choose, through the real command."""

import re
from pathlib import Path

from command_helpers import many

# arguments and the methods, transforms or similarities of the runs that they make
ACCEPTED = {
    ("method=demons,bspline_itk", "method.start=own"): ["demons", "bspline_itk"],
    ("method=ants_syn,syncc,elastix", "method.start=initialization"): ["ants_syn", "syncc", "elastix"],
    ("ablation=method", "method=demons,elastix", "method.intensities=original"): ["demons", "elastix"],
    ("method=demons,elastix", "seed=0,1", "method.start=own", "hydra.sweeper.zip=[[method,seed]]"): [
        "demons",
        "elastix",
    ],
    ("transform=full_resolution,unet", "transform.width=8"): ["full_resolution", "unet"],
    ("similarity=ncc,[pcc,ncc]", "similarity.ncc.window=5"): ["ncc", "ncc+pcc"],
}
REFUSED = {
    ("method=demons,ants_syn,elastix", "method.type_of_transform=SyN"): "does not exist with method=demons,elastix;",
    ("method=syncc,elastix", "seed=0,1", "method.type_of_transform=SyN"): "does not exist with method=elastix;",
    ("ablation=method", "method.start=own"): "method.start does not exist with method=optimization;",
    ("preset=fast,default", "transform.diffeomorphic=true"): "transform.diffeomorphic does not exist with preset=fast;",
    ("similarity=mse,ncc", "similarity.ncc.window=5"): "similarity.ncc does not exist with similarity=mse;",
    ("method=demons,elastix", "method.type_of_transform=SyN"): "method=ants_syn chooses it.",
    ("transform=unet,displacement", "transform.widht=8"): "did you mean 'width'?",
    ("transform=unet,displacement", "--cfg", "job"): "Only one of --run, --multirun, --cfg",
}


def test_a_setting_that_every_choice_has_is_given_to_all(tmp_path: Path):
    (tmp_path / "said").mkdir()
    calls = [[*given, "-m", "dry_run=true", "tracking=none"] for given in ACCEPTED]
    for answer, choices in zip(many("pairreg", calls, tmp_path, tmp_path / "said"), ACCEPTED.values(), strict=True):
        assert answer.returncode == 0, answer.stderr
        found = [[cell.strip() for cell in line.split("│")] for line in answer.stdout.splitlines() if "missing" in line]
        assert all(choice in row for choice, row in zip(choices, found, strict=True))


def test_one_that_some_choices_lack_is_refused_with_their_names(tmp_path: Path):
    (tmp_path / "said").mkdir()
    calls = [[*given, "-m", "dry_run=true", "tracking=none"] for given in REFUSED]
    for answer, says in zip(many("pairreg", calls, tmp_path, tmp_path / "said"), REFUSED.values(), strict=True):
        assert answer.returncode == 2
        assert re.fullmatch(r"pairreg: .*" + re.escape(says) + r".*\n", answer.stderr)
