"""Simulated SPECT: projections of an activity as a gamma camera measures them, and the image reconstructed from them.

Arrays are `(z, y, x)` in LPS, the patient's long axis first.
"""

from pairreg.spect.camera import Camera
from pairreg.spect.lesions import Lesions, draw_lesions
from pairreg.spect.osem import osem
from pairreg.spect.projector import Projector
from pairreg.spect.simulate import simulate

__all__ = ["Camera", "Lesions", "Projector", "draw_lesions", "osem", "simulate"]
