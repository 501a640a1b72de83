"""The peer: Heun's deterministic sampler of Karras et al. 2022 (algorithm 1) as one writes it in PyTorch.

    python3 bench/heun_torch.py REPEATS [SAMPLES.npy]

18 steps, 35 evaluations a sample, of the mixture of bench/targets.py, one thread, best of some batch sizes. Its
denoiser D(x; sigma) = E[x_0 | x] has a closed form, written in two ways: `rows`, with samples as rows and differences
to the means, as bench/langevin_torch.py has its score, and `tuned`, with samples as columns and the sums over
components as matrix products. Prints "NAME RATE samples/s" for both, in double and in single precision, and the best
batches; writes the samples of `rows` in both precisions to SAMPLES.npy, [precision][sample][2]."""
import statistics
import sys
import time

import numpy
import torch

from reverse import SIGMA_MAX, time_steps
from targets import WIDTH, Mixture


class Rows:
    """x[sample][2]"""

    def __init__(self, mixture, dtype):
        self.mean = torch.tensor(mixture.mean, dtype=dtype)
        self.log_weight = torch.tensor(numpy.log(mixture.weight), dtype=dtype)

    def noise(self, n):
        return torch.randn(n, 2, dtype=self.mean.dtype)

    def denoise(self, x, sigma):
        precision = 1 / (WIDTH**2 + sigma**2)
        difference = self.mean[None, :, :] - x[:, None, :]
        r = torch.softmax(self.log_weight - 0.5 * precision * (difference * difference).sum(-1), dim=1)
        return x + sigma**2 * precision * (r[:, :, None] * difference).sum(1)


class Tuned:
    """x[2][sample]; |x|^2 cancels from the softmax."""

    def __init__(self, mixture, dtype):
        self.mean = torch.tensor(mixture.mean, dtype=dtype)
        self.transposed = self.mean.T.contiguous()
        self.log_weight = torch.tensor(numpy.log(mixture.weight), dtype=dtype)[:, None]
        self.half_square = 0.5 * (self.mean * self.mean).sum(1)[:, None]

    def noise(self, n):
        return torch.randn(2, n, dtype=self.mean.dtype)

    def denoise(self, x, sigma):
        precision = 1 / (WIDTH**2 + sigma**2)
        e = torch.addmm(self.log_weight - precision * self.half_square, self.mean, x, alpha=precision)
        e -= e.amax(0)
        e.exp_()
        share = sigma**2 * precision
        return x * (1 - share) + (self.transposed @ e) * (share / e.sum(0))


def heun(denoiser, x, sigmas):
    for a, b in zip(sigmas[:-1], sigmas[1:]):
        d = (x - denoiser.denoise(x, a)) / a
        euler = x + (b - a) * d
        if b == 0:
            return euler
        x = x + (b - a) / 2 * (d + (euler - denoiser.denoise(euler, b)) / b)
    return x


def rate(denoiser, batch, sigmas):
    batches = max(1, 40000 // batch)
    begin = time.perf_counter()
    for _ in range(batches):
        heun(denoiser, SIGMA_MAX * denoiser.noise(batch), sigmas)
    return batches * batch / (time.perf_counter() - begin)


def main():
    repeats = int(sys.argv[1])
    torch.set_num_threads(1)
    torch.manual_seed(1)
    mixture, sigmas = Mixture(), time_steps(18)
    samples = []
    with torch.no_grad():
        for precision, dtype in (("double", torch.float64), ("single", torch.float32)):
            for form in (Rows, Tuned):
                denoiser, best, best_batch = form(mixture, dtype), 0.0, 0
                for batch in (2048, 8192, 32768):
                    rate(denoiser, batch, sigmas)
                    median = statistics.median(rate(denoiser, batch, sigmas) for _ in range(repeats))
                    if median > best:
                        best, best_batch = median, batch
                name = f"{form.__name__.lower()}_{precision}"
                print(f"{name} {best:.6g} samples/s\n{name}_batch {best_batch} samples")
                if form is Rows and len(sys.argv) > 2:
                    samples.append(heun(denoiser, SIGMA_MAX * denoiser.noise(mixture.count), sigmas).double().numpy())
    if samples:
        numpy.save(sys.argv[2], numpy.stack(samples))


if __name__ == "__main__":
    main()
