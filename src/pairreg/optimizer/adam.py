from pairreg.optimizer.gradient_descent import GradientDescent, LearningRate, keras_optimizer


def adam(
    learning_rate: LearningRate = None, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7
) -> GradientDescent:
    """Adam of Keras. **Arguments:** `learning_rate`: a number, a schedule of Keras, or None = what suits the transform.

    Source: Kingma & Ba, ICLR 2015.
    """
    return keras_optimizer("Adam", learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
