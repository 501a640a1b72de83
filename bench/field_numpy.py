"""A Gaussian random field of N^3 cells as one draws it in NumPy: white noise, to Fourier space, times sqrt(P), back.

    python3 bench/field_numpy.py N REPEATS

Prints "numpy_draw SECONDS s", the median, of standard_normal + rfftn + irfftn alone, without the product."""
import statistics
import sys
import time

import numpy

n, repeats = int(sys.argv[1]), int(sys.argv[2])
rng = numpy.random.default_rng(1)
seconds = []
for _ in range(repeats):
    begin = time.perf_counter()
    modes = numpy.fft.rfftn(rng.standard_normal((n, n, n)))
    numpy.fft.irfftn(modes, s=(n, n, n))
    seconds.append(time.perf_counter() - begin)
print(f"numpy_draw {statistics.median(seconds):.4f} s")
