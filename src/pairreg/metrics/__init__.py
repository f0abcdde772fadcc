"""How well a registration matches, and how plausible its deformation is: functions of arrays.

Independent of how the registration was done: nothing here imports TensorFlow, and every number can be compared with
those of other tools. Fields are `(*spatial, ndim)` in voxels of the fixed grid, components in array axis order, pull:
`warped(x) = moving(x + u(x))`. Spacings are in mm, in array axis order. Everything works in 2-D and 3-D.
"""

import lazy_loader

# SciPy and scikit-image are imported by the first metric that needs them; the names stand in `__init__.pyi`.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
