import subprocess
import sys


def test_what_an_earlier_run_left_is_not_charged_to_the_next():
    """In a process of its own: 400 MB are held during the first run and kept, 200 MB during the second."""
    code = """
import numpy as np
from pairreg.backend.memory import peak_memory_mb, reset_peak
reset_peak()
kept = np.ones(50 * 2**20)
first = peak_memory_mb()
reset_peak()
more = np.ones(25 * 2**20)
print(first, peak_memory_mb())
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    first, second = map(float, printed.split())
    assert 180 < first - second < 220
