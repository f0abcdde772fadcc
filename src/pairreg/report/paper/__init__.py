LAYOUTS = ("loss_comparison", "regularizer_comparison", "weight_sweep")  # one module each, with a function `figure`
