"""Draws the pictures of the README files: `scripts/draw_pictures [NAME ...] [--runs FOLDER]`.

Each is the figure that the command beside it leaves, which runs as a reader would run it, and comes into
`scripts/pictures/`, smaller. In FOLDER the run folders stay, so that a second call computes only what is missing. All
of them take about half an hour.
"""

import argparse
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent / "pictures"
WIDTH, LARGEST = 960, 150_000  # pixels, bytes
_REPORT = "runs/{study}/report/figures/{figure}.png"
_LOSSES = "'similarity=mse,ncc,mi,pcc,[pcc,ssim]' preset=fast initialization=affine study=losses -m"


@dataclass(frozen=True)
class Picture:
    """The figure `file` (a pattern below the working folder) that `pairreg ARGUMENTS` leaves."""

    arguments: str
    file: str

    @property
    def command(self) -> str:
        return f"pairreg {self.arguments}".strip()


def _of_study(arguments: str, figure: str) -> Picture:
    """The figure of a study's report; the study has the name of its file."""
    return Picture(arguments, _REPORT.format(study=arguments.split()[0].replace("=", "_"), figure=figure))


def _of_paper(name: str) -> Picture:
    return _of_study(f"figure={name}", name)


PICTURES = {
    "overview": Picture("", "runs/default/*/figures/overview.png"),
    "grid": Picture("", "runs/default/*/figures/grid.png"),
    "loss_comparison": _of_paper("loss_comparison"),
    "losses": Picture(_LOSSES, _REPORT.format(study="losses", figure="panel_01")),
    "similarity": _of_study("ablation=similarity preset=fast", "tradeoff"),
    "regularizer_comparison": _of_paper("regularizer_comparison"),
    "weight_sweep": _of_paper("weight_sweep"),
    "phantom_to_patient": _of_study("figure=phantom_to_patient", "phantom_to_patient_02"),
    "diffusion_weight": _of_study("sweep=diffusion_weight preset=fast", "tradeoff"),
    "initialization": _of_study("ablation=initialization preset=fast", "dice"),
    "symmetric": _of_study("ablation=symmetric preset=fast", "tradeoff"),
}


def draw(name: str, runs: Path) -> Path:
    """Run the command of a picture in the folder `runs`, unless its runs are there; return the picture."""
    picture = PICTURES[name]
    began = time.perf_counter()
    program = Path(sys.executable).with_name("pairreg")
    subprocess.run([program, *shlex.split(picture.arguments)], cwd=runs, check=True, stdout=subprocess.DEVNULL)
    (drawn,) = runs.glob(picture.file)
    path = shrink(drawn, FOLDER / f"{name}.png")
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {time.perf_counter() - began:.0f} s, {picture.command}")
    return path


def shrink(source: Path, target: Path) -> Path:
    """Write an image at most `WIDTH` pixels wide in 256 colours, chosen so that rare ones, such as labels, stay."""
    with Image.open(source) as image:
        small = image.convert("RGB")
        small.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.LANCZOS)
        coverage = Image.Quantize.MAXCOVERAGE
        small.quantize(256, coverage, kmeans=4, dither=Image.Dither.NONE).save(target, optimize=True)
    if (size := target.stat().st_size) > LARGEST:
        raise RuntimeError(f"{target} has {size} bytes, more than {LARGEST}; make WIDTH smaller.")
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"by default all: {', '.join(PICTURES)}")
    parser.add_argument("--runs", type=Path, help="the folder to run in, by default one that is removed afterwards")
    given = parser.parse_args()
    if unknown := set(given.names) - PICTURES.keys():
        parser.error(f"no pictures are called {', '.join(sorted(unknown))}; there are {', '.join(PICTURES)}.")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        runs = given.runs or Path(temporary)
        runs.mkdir(parents=True, exist_ok=True)
        for name in given.names or PICTURES:
            draw(name, runs)


if __name__ == "__main__":
    main()
