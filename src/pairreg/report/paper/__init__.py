# one module each, with a function `figure`
LAYOUTS = ("loss_comparison", "regularizer_comparison", "weight_sweep", "phantom_spect")
