"""The one table of all metrics: what they are called, how they are read, where they are shown, what computes them.

A new metric is a function in one of the modules beside this one, and a row in `CATALOGUE`. The names of the function's
parameters choose among what `pairreg.evaluate` offers for its kind; it returns a number, or a number per label:

- `images`: `fixed`, `warped` `(*spatial,)` in preprocessed intensities, `mask` (bool, or None for everywhere), `known`
  (bool), where the moving image reaches.
- `labels`: `fixed_labels`, `warped_labels` on the grid of the fixed labels, with its `spacing` (also as
  `fixed_spacing`); `moving_labels` with `moving_spacing`; `labels`, the values that both maps have.
- `landmarks`: `mapped_points`, the fixed landmarks carried through the transform, and `target_points`, the moving ones;
  `(n, ndim)` in mm; `mapped_voxels` and `target_voxels`, the same in voxels of the moving image, whose `voxel_size` is
  `(ndim,)` in mm; `inside` `(n,)`, which fixed ones lie in the fixed image.
- `truth`: `found`, `true`, displacements `(*spatial, ndim)` in mm; `mask`, the body, or None for everywhere.
- `submission`: `submitted` `(*spatial, ndim)`, the displacement in voxels that the evaluator of Learn2Reg would get;
  there may be `fixed_voxels`, `target_voxels` and `voxel_size` of landmarks, and `fixed_labels`, `warped_labels` and
  `labels`, all in the order of the array axes. Nothing for a pair that it does not evaluate.
- `field`: `field` `(*spatial, ndim)` in voxels, without the linear part of the initialisation; `submitted`, as above,
  and `measured`, where its regularity is measured. For a pair that Learn2Reg does not evaluate, `submitted` is `field`,
  and no more.
- `inverse`: `field` and its `inverse`, of a diffeomorphic transform.
- `cost`: nothing; these are measured while the registration runs.

A metric that needs what a pair has not is left out.
"""

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Literal, get_args

Kind = Literal["images", "labels", "landmarks", "truth", "submission", "field", "inverse", "cost"]
_ARROWS = {1: "↑", -1: "↓", 0: ""}
# Kinds that exist before the registration, too.
_EARLY: tuple[Kind, ...] = ("images", "labels", "landmarks", "truth", "submission")
EARLIEST = "before"
STAGES = (EARLIEST, "initial")  # prefixes of the metrics before the registration and after the initialisation
USED = "used"  # prefix of metrics over labels and landmarks that the objective was given; no ranking uses them
_GIVEN: tuple[Kind, ...] = ("labels", "landmarks")  # kinds of what an objective can be given


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One row of the catalogue.

    **Attributes:**

    - `name`: in `metrics.json`, MLflow and CSV. Of a metric per label, the mean over labels ends in `_mean`; without
      that ending there is no mean.
    - `label`, `unit`: for people.
    - `direction`: 1 if more is better, -1 if less is, 0 if neither.
    - `decimals`: in tables.
    - `kind`: what it is computed from; `function`: `module.name` within `pairreg.metrics`, None for a cost.
    - `per_label`: whether it has a value for every label, under `stem/<label>`.
    - `decides`: its place among the metrics that may decide a ranking, 1 first; None: it never does. True errors come
      before the overlap of labels, and that before the similarity of images, which a wrong deformation can have, too.
    - `in_terminal`, `in_paper`: whether it is a column of a study's table on the terminal, of its LaTeX table. The page
      and the CSV file have all; of a metric per label they have the mean.
    - `beside`: the metric without which tables leave it out, though files have it: of a pair that Learn2Reg does not
      evaluate, what its evaluator would find is of no interest.
    - `changes`: whether the registration alone makes it what it is, so that its value before says nothing.
    - `smallest`: voxels along each axis below which it is not defined.
    """

    name: str
    label: str
    direction: int
    decimals: int
    kind: Kind
    function: str | None
    unit: str = ""
    per_label: bool = False
    decides: int | None = None
    in_terminal: bool = True
    in_paper: bool = True
    beside: str | None = None
    changes: bool = False
    smallest: int = 0

    @property
    def stem(self) -> str:
        """The name without the ending of a mean: it precedes the label in the name of a value per label."""
        return self.name.removesuffix("_mean")

    @property
    def can_be_given(self) -> bool:
        """Whether an objective can be given what the metric is computed from."""
        return self.kind in _GIVEN

    @property
    def of_used(self) -> "Metric":
        """The row of the same metric over what the objective was given: beside the others, and never decisive."""
        name, label = f"{USED}/{self.name}", f"{self.label} (used)"
        return replace(self, name=name, label=label, decides=None, in_terminal=False, in_paper=False)

    def is_shown(self, measured: Container[str]) -> bool:
        """Return whether tables have it where `measured` are the names of all metrics that are known."""
        return self.beside is None or self.beside in measured

    def gives(self, name: str) -> bool:
        """Return whether one of the metric's values is called `name`: the one of the whole, or `stem/<label>`."""
        stem, _, label = name.partition("/")
        if self.per_label and label:
            return stem == self.stem
        return name == self.name and not (self.per_label and name == self.stem)

    @property
    def arrow(self) -> str:
        """The direction as a glyph for tables; empty if neither more nor less is better."""
        return _ARROWS[self.direction]

    @property
    def heading(self) -> str:
        """The label with its unit, such as `HD95 (mm)`."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def title(self) -> str:
        """The heading with the arrow, such as `HD95 (mm) ↓`."""
        return f"{self.heading} {self.arrow}".strip()

    def text(self, value: float) -> str:
        """Return a value with as many decimals as tables show."""
        return f"{value:.{self.decimals}f}"


# The order of the rows is that of the columns of every table.
CATALOGUE = (
    Metric(name="epe_mean", label="EPE", unit="mm", direction=-1, decimals=2, kind="truth",
           function="truth.epe_mean", decides=1),
    Metric(name="tre_mean", label="TRE", unit="mm", direction=-1, decimals=2, kind="landmarks",
           function="landmarks.tre_mean", decides=2),
    Metric(name="tre_std", label="TRE SD", unit="mm", direction=-1, decimals=2, kind="landmarks",
           function="landmarks.tre_std", in_terminal=False, in_paper=False),
    Metric(name="tre_median", label="TRE median", unit="mm", direction=-1, decimals=2, kind="landmarks",
           function="landmarks.tre_median", in_terminal=False, in_paper=False),
    Metric(name="tre_max", label="TRE max", unit="mm", direction=-1, decimals=2, kind="landmarks",
           function="landmarks.tre_max", in_terminal=False, in_paper=False),
    Metric(name="tre_snapped", label="TRE snapped", unit="mm", direction=-1, decimals=2, kind="landmarks",
           function="landmarks.tre_snapped", in_terminal=False, in_paper=False),
    Metric(name="tre_l2r", label="TRE (L2R)", unit="mm", direction=-1, decimals=2, kind="submission",
           function="learn2reg.tre_l2r", in_terminal=False, in_paper=False),
    Metric(name="tre_lumir", label="TRE (LUMIR)", unit="voxels", direction=-1, decimals=2, kind="submission",
           function="learn2reg.tre_lumir", in_terminal=False, in_paper=False),
    Metric(name="tre_points", label="landmarks inside", direction=0, decimals=0, kind="landmarks",
           function="landmarks.tre_points", in_terminal=False, in_paper=False),
    Metric(name="dice_mean", label="Dice", direction=1, decimals=3, kind="labels", function="overlap.dice",
           per_label=True, decides=3),
    Metric(name="hd95_mean", label="HD95", unit="mm", direction=-1, decimals=2, kind="labels", function="surface.hd95",
           per_label=True, in_terminal=False),
    Metric(name="hd95_voxel", label="HD95", unit="voxels", direction=-1, decimals=2, kind="submission",
           function="learn2reg.hd95_voxel", in_terminal=False, in_paper=False),
    Metric(name="volume_change", label="volume change", direction=0, decimals=3, kind="labels",
           function="overlap.volume_change", per_label=True, in_terminal=False, in_paper=False, changes=True),
    Metric(name="ssim", label="SSIM", direction=1, decimals=3, kind="images", function="images.ssim", decides=4),
    Metric(name="mse", label="MSE", direction=-1, decimals=4, kind="images", function="images.mse", in_paper=False),
    Metric(name="pcc", label="PCC", direction=1, decimals=3, kind="images", function="images.pcc", in_paper=False),
    Metric(name="ncc", label="NCC", direction=1, decimals=3, kind="images", function="images.ncc", in_paper=False),
    Metric(name="covered_percent", label="covered", unit="%", direction=0, decimals=3, kind="images",
           function="images.covered_percent", in_terminal=False, in_paper=False),
    Metric(name="folds_percent", label="folds", unit="%", direction=-1, decimals=3, kind="field",
           function="deformation.folds_percent"),
    Metric(name="ndv_percent", label="NDV", unit="%", direction=-1, decimals=3, kind="field",
           function="diffeomorphism.ndv_percent"),
    Metric(name="ndv_l2r", label="NDV (L2R)", unit="%", direction=-1, decimals=3, kind="field",
           function="learn2reg.ndv_l2r", in_terminal=False, in_paper=False),
    Metric(name="sdlogj", label="SD log J", direction=0, decimals=3, kind="field", function="deformation.sdlogj"),
    Metric(name="sdlogj_l2r", label="SD log J (L2R)", direction=0, decimals=3, kind="field",
           function="learn2reg.sdlogj_l2r", smallest=5, beside="ndv_l2r"),
    Metric(name="inverse_consistency", label="inverse consistency", unit="voxels", direction=-1, decimals=3,
           kind="inverse", function="consistency.inverse_consistency_mean"),
    Metric(name="seconds", label="time", unit="s", direction=0, decimals=1, kind="cost", function=None),
    Metric(name="startup_seconds", label="start-up", unit="s", direction=0, decimals=1, kind="cost", function=None,
           in_terminal=False, in_paper=False),
    Metric(name="peak_memory_mb", label="memory", unit="MB", direction=0, decimals=0, kind="cost", function=None,
           in_terminal=False, in_paper=False),
    Metric(name="peak_gpu_memory_mb", label="GPU memory", unit="MB", direction=0, decimals=0, kind="cost",
           function=None, in_terminal=False, in_paper=False),
    Metric(name="iterations", label="iterations", direction=0, decimals=0, kind="cost", function=None,
           in_terminal=False, in_paper=False),
)  # fmt: skip


def find(name: str) -> Metric | None:
    """Return the row of the value with this full name, such as `dice_mean`, `dice/lung` or `before/ssim`.

    None for what no run can have: the mean of a metric without one, or costs and folds before the registration.
    """
    stage, _, rest = name.partition("/")
    early = stage in STAGES
    own = rest if early else name
    given = own.startswith(f"{USED}/")
    kinds = _GIVEN if given else _EARLY if early else get_args(Kind)
    rows = (row for row in CATALOGUE if row.gives(own.removeprefix(f"{USED}/")) and row.kind in kinds)
    return next((row.of_used if given else row for row in rows), None)


def all_columns() -> list[Metric]:
    """Return the rows of the catalogue, and behind them those of labels and landmarks that the objective was given."""
    return [*CATALOGUE, *(row.of_used for row in CATALOGUE if row.can_be_given)]


def of_kind(kind: Kind) -> list[Metric]:
    """Return the rows of one kind, in the order of the catalogue."""
    return [row for row in CATALOGUE if row.kind == kind]


def deciding() -> list[Metric]:
    """Return the metrics that may decide a ranking; on each pair the first one that is known there decides."""
    return sorted((row for row in CATALOGUE if row.decides is not None), key=lambda row: row.decides or 0)
