"""TensorFlow and Keras as this package runs them: imported late, reproducible, compiled once."""

from pairreg.backend.compiled import compiled, kept, kept_each, one_of
from pairreg.backend.derivative import with_gradient
from pairreg.backend.forget import drop_damaged_code, forget_compiled, forgettable
from pairreg.backend.tensorflow import Tensor, configure, is_configured, keras, take_start_up, tf, threads_in_use

__all__ = [
    "Tensor",
    "compiled",
    "configure",
    "drop_damaged_code",
    "forget_compiled",
    "forgettable",
    "is_configured",
    "keras",
    "kept",
    "kept_each",
    "one_of",
    "take_start_up",
    "tf",
    "threads_in_use",
    "with_gradient",
]
