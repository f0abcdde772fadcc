FIGURES = (
    "loss_comparison",
    "phantom_spect",
    "phantom_to_patient",
    "regularizer_comparison",
    "weight_sweep",
)  # one module each, with a function `figure`
