"""The optimizer Adam."""

from pairreg.optimizer.gradient_descent import GradientDescent, LearningRate, Memory, keras_optimizer
from pairreg.validation import Positive, checked


@checked
def adam(
    learning_rate: LearningRate = None, beta_1: Memory = 0.9, beta_2: Memory = 0.999, epsilon: Positive = 1e-7
) -> GradientDescent:
    """Return Adam, as Keras has it: gradient descent with a step size of its own for every parameter.

    **Arguments:** `learning_rate`: a number, a schedule of Keras, or None = what suits the transform; `beta_1`,
    `beta_2`: the part of the past that the means of the gradient and of its square keep at each step; `epsilon`: added
    to the denominator.

    Source: Kingma & Ba, ICLR 2015.
    """
    return keras_optimizer("Adam", learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
