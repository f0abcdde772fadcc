"""Pairwise deformable registration of medical images, configured, optimised and tracked."""

import lazy_loader

# Public names, which stand in `__init__.pyi`, are imported when used: `pairreg --help` need not wait for libraries.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
