"""The peer: unadjusted Langevin dynamics on a Gaussian mixture as one writes it in PyTorch.

8 components in 2-D, double precision, one thread, score in closed form by softmax. Prints the best rate over
batch sizes, as "torch_steps RATE particle-steps/s", each batch size being the median of its repeats."""
import math
import statistics
import sys
import time

import torch


def score(x, mean, inverse_variance):
    """Of an equal-weight isotropic mixture: sum_k r_k(x) (mu_k - x)/v."""
    difference = mean[None, :, :] - x[:, None, :]
    r = torch.softmax(-0.5 * inverse_variance * (difference * difference).sum(-1), dim=1)
    return inverse_variance * (r[:, :, None] * difference).sum(1)


def rate(n, steps, mean, inverse_variance, e=1e-2):
    x = torch.randn(n, 2, dtype=torch.float64)
    amplitude = math.sqrt(2 * e)
    begin = time.perf_counter()
    for _ in range(steps):
        x = x + e * score(x, mean, inverse_variance) + amplitude * torch.randn_like(x)
    return n * steps / (time.perf_counter() - begin)


def main():
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    torch.set_num_threads(1)
    torch.manual_seed(1)
    angle = torch.arange(8, dtype=torch.float64) * (2 * math.pi / 8)
    mean = 4 * torch.stack([torch.cos(angle), torch.sin(angle)], 1)
    best, best_n = 0.0, 0
    with torch.no_grad():
        for n in (256, 512, 1024, 2048, 4096, 8192, 16384, 65536, 262144):
            steps = max(3, 400000 // n)
            rate(n, 3, mean, 4.0)
            median = statistics.median(rate(n, steps, mean, 4.0) for _ in range(repeats))
            if median > best:
                best, best_n = median, n
    print(f"torch_steps {best:.6g} particle-steps/s")
    print(f"torch_batch {best_n} particles")
    print(f"torch_version {torch.__version__} -")


if __name__ == "__main__":
    main()
