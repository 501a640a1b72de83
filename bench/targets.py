"""The two targets of the diffusion benchmark, exact draws of them, and how far samples are from them.

A distance is a Wasserstein-2 distance in the targets' own units; `floor` is what exact draws of equal number have."""
import math

import numpy

MODES, RADIUS, WIDTH = 8, 4.0, 0.5  # of the mixture
DIRECTIONS = 32


class Mixture:
    """8 Gaussians on a ring in 2-D with weights 1, 2, 3, 4, 1, 2, 3, 4 over 20, of mean 0, as the prior has. Distance:
    sliced Wasserstein-2, the root of the mean over 32 fixed directions of int (F^-1(u) - G^-1(u))^2 du, the sorted
    projections against the exact quantiles."""
    name, title, count = "mixture", "2-D mixture", 131072

    def __init__(self):
        k = numpy.arange(MODES)
        share = 1 + k % (MODES // 2)
        self.weight = share / numpy.sum(share)
        self.mean = RADIUS * numpy.stack([numpy.cos(2 * math.pi * k / MODES), numpy.sin(2 * math.pi * k / MODES)], 1)
        angle = (numpy.arange(DIRECTIONS) + 0.5) * math.pi / DIRECTIONS
        self.direction = numpy.stack([numpy.cos(angle), numpy.sin(angle)])
        self.quantile = {}
        components = ", ".join(f"{{weight: {share[k]}, mean: [{x:.17g}, {y:.17g}], sigma: {WIDTH}}}"
                               for k, (x, y) in enumerate(self.mean))
        self.score = f"{{type: gaussian_mixture, components: [{components}]}}"

    def draw(self, n, seed):
        rng = numpy.random.default_rng(seed)
        return self.mean[rng.choice(MODES, n, p=self.weight)] + WIDTH * rng.standard_normal((n, 2))

    def exact_quantiles(self, n):
        """[direction][n], at (i - 1/2)/n, of the projected mixture's distribution function on a fine grid."""
        if n not in self.quantile:
            x = numpy.linspace(-RADIUS - 7 * WIDTH, RADIUS + 7 * WIDTH, 3001)
            standard = numpy.linspace(-9, 9, 20001)
            normal = numpy.array([0.5 * math.erfc(-z / math.sqrt(2)) for z in standard])
            u = (numpy.arange(n) + 0.5) / n
            rows = []
            for centre in (self.mean @ self.direction).T:
                below = sum(w * numpy.interp((x - c) / WIDTH, standard, normal) for w, c in zip(self.weight, centre))
                rows.append(numpy.interp(u, below, x))
            self.quantile[n] = numpy.array(rows)
        return self.quantile[n]

    def distance(self, x):
        exact = self.exact_quantiles(len(x))
        squares = [numpy.mean((numpy.sort(x @ self.direction[:, i]) - exact[i])**2) for i in range(len(exact))]
        return math.sqrt(numpy.mean(squares))


class Field:
    """64 Gaussian random fields of 64^2 cells, P(k) = (k/0.3)^-2. Distance: the Wasserstein-2 distance per cell of the
    Gaussian with the measured variances, sqrt(sum_k (sqrt(v_k measured) - sqrt(v_k))^2/cells), where v_k is averaged
    over the fields and over all modes of one |k|, and the mean mode, 0 in the target, counts as it is."""
    name, title, count = "field", "64² Gaussian random field", 64
    n = 64

    def __init__(self):
        frequency = numpy.fft.fftfreq(self.n, 1 / self.n).round().astype(int)
        square = frequency[:, None]**2 + frequency[None, :]**2  # |k|^2 in fundamental modes
        self.shell = numpy.unique(square, return_inverse=True)[1].reshape(-1)
        self.modes = numpy.bincount(self.shell)
        k = 2 * math.pi / self.n * numpy.sqrt(square)
        self.variance = numpy.divide(1, (k / 0.3)**2, out=numpy.zeros_like(k), where=k > 0)  # cells of volume 1
        self.score = (f"{{type: gaussian_field, mesh: {{cells: [{self.n}, {self.n}], box_size: [{self.n}, {self.n}]}}, "
                      "spectrum: {type: power_law, amplitude: 1, index: -2, pivot: 0.3}}")

    def draw(self, n, seed):
        white = numpy.random.default_rng(seed).standard_normal((n, self.n, self.n))
        return numpy.fft.ifft2(numpy.sqrt(self.variance) * numpy.fft.fft2(white)).real

    def distance(self, x):
        power = numpy.mean(numpy.abs(numpy.fft.fft2(x))**2, axis=0) / self.n**2  # unitary: white noise has 1
        measured = numpy.bincount(self.shell, power.reshape(-1)) / self.modes
        exact = numpy.bincount(self.shell, self.variance.reshape(-1)) / self.modes
        return math.sqrt(numpy.sum(self.modes * (numpy.sqrt(measured) - numpy.sqrt(exact))**2) / self.n**2)


def floor(target):
    """The distance of as many exact draws: mean and standard deviation over 8 populations."""
    found = [target.distance(target.draw(target.count, seed)) for seed in range(8)]
    return float(numpy.mean(found)), float(numpy.std(found))
