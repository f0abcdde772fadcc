from pairreg.optimizer.gradient_descent import GradientDescent


def adam(
    learning_rate: float | None = None, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7
) -> GradientDescent:
    """Adam of Keras. **Arguments:** `learning_rate`: None = what suits the transform.

    Source: Kingma & Ba, ICLR 2015.
    """
    settings = {"learning_rate": learning_rate, "beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    return GradientDescent("Adam", tuple((k, v) for k, v in settings.items() if v is not None))
