"""Stochastic gradient descent, here with the whole gradient."""

from pairreg.optimizer.gradient_descent import GradientDescent, LearningRate, Memory, keras_optimizer
from pairreg.validation import checked


@checked
def sgd(learning_rate: LearningRate = 3.0, momentum: Memory = 0.9, nesterov: bool = False) -> GradientDescent:
    """Return the gradient descent of Keras, with momentum.

    The step is proportional to the gradient, which shrinks with the number of voxels, so no learning rate suits every
    image: it has to be tried.

    **Arguments:** `learning_rate`: a number, a schedule of Keras, or None = the transform's; `momentum`: the part of
    the last step that goes on in the next; `nesterov`: whether to use Nesterov's form of the momentum.

    Source: Polyak, USSR Computational Mathematics 4:1 (1964).
    """
    return keras_optimizer("SGD", learning_rate=learning_rate, momentum=momentum, nesterov=nesterov)
