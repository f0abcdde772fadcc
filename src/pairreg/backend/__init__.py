"""TensorFlow and Keras as this package runs them: imported late, reproducible, compiled once."""

from pairreg.backend.tensorflow import Tensor, compiled, configure, keras, tf

__all__ = ["Tensor", "compiled", "configure", "keras", "tf"]
