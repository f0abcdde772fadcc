"""Figures of a paper, one module each, with a function `figure` and, where files have to be made first, `prepare`."""

FIGURES = (
    "loss_comparison",
    "phantom_spect",
    "phantom_to_patient",
    "protocol_comparison",
    "regularizer_comparison",
    "weight_sweep",
)  # one module each, with a function `figure`
