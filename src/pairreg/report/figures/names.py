"""The names of settings and images in a paper."""

from collections.abc import Sequence

from pairreg.runs.factors import Factor
from pairreg.runs.spec import Described

_TERMS = {
    "pcc": "PCC",
    "ssim": "SSIM",
    "mse": "MSE",
    "ncc_published": "CC",
    "mi": "MI",
    "nmi": "NMI",
    "none": "No regularisation",
    "diffusion": "Diffusion",
    "total_variation": "TV",
    "total_variation_published": "TV (published)",
    "jacobian": "Jacobian",
    "gaussian_smoothing": "Gaussian smoothing",
}


def name(run: Described, among: Sequence[Factor]) -> str:
    """Return `PCC+SSIM`, `λ = 0.1`: the value of every factor that means something to the run."""
    values = [(factor, factor.value(run)) for factor in among]
    return " · ".join(_name_of(factor, value) for factor, value in values if value is not None)


def _name_of(factor: Factor, value: str) -> str:
    """Return the name of one value of a factor."""
    if factor.key in ("similarity", "regularizer"):
        return "+".join(_TERMS.get(term, term) for term in value.split("+"))
    if factor.key.startswith("regularizer.") and factor.key.endswith(".weight"):
        return f"λ = {value if value.startswith('[') else f'{float(value):g}'}"  # a list has one for each level
    return factor.label(value)


def moving_name(run: Described, among: Sequence[Factor]) -> str:
    """Return the title of the moving image, which is shown where its deformation began.

    Where settings begin differently, it says with which initialisation.
    """
    initialization = run.choices.get("initialization", "none")
    if initialization == "none":
        return "Moving"
    differ = any(factor.group == "initialization" for factor in among)
    return f"Moving ({initialization.replace('_', ' ') if differ else 'initialised'})"


def fixed_name(run: Described) -> str:
    """Return the title of the fixed image."""
    return "Fixed, blurred" if run.config.get("preprocessing", {}).get("blur_fixed") else "Fixed"
