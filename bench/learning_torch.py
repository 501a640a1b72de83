"""The peer: the denoiser of inputs/train_moons.yaml trained and sampled with as one does it in PyTorch.

    python3 bench/learning_torch.py REPEATS

A network of 3 hidden layers of 128, EDM preconditioning, batches of 1024 drawn afresh from 64 Gaussians on two moons,
Adam, averaged weights; then Heun's 18 steps (35 evaluations) with the network. One thread. Each part is measured in
several forms, of which the best counts: training eager or compiled (TorchScript), Adam one by one or by lists;
sampling eager or frozen TorchScript, at some batch sizes. Prints "NAME VALUE UNIT" lines."""
import math
import statistics
import sys
import time

import torch

WIDTH, LAYERS, FREQUENCIES, BATCH, STEPS = 128, 3, 4, 1024, 2000
SIGMA_MIN, SIGMA_MAX, SIGMA_DATA = 0.01, 10.0, 0.62
HEUN_STEPS = 18


class Network(torch.nn.Module):
    """The denoiser D(y; sigma)."""

    def __init__(self):
        super().__init__()
        sizes = [2 + 2 + 2 * FREQUENCIES] + [WIDTH] * LAYERS
        layers = []
        for a, b in zip(sizes, sizes[1:]):
            layers += [torch.nn.Linear(a, b), torch.nn.SiLU()]
        last = torch.nn.Linear(WIDTH, 2)
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
        with torch.no_grad():
            for i, layer in enumerate(layers[::2]):
                layer.weight *= 3.5 if i == 0 else 1.8
        self.net = torch.nn.Sequential(*layers, last)
        self.data_variance: float = SIGMA_DATA**2
        self.data_deviation: float = SIGMA_DATA
        self.register_buffer("frequency", math.pi * torch.arange(1, FREQUENCIES + 1, dtype=torch.float32))

    def forward(self, y: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        variance = sigma * sigma + self.data_variance
        noise = 0.25 * torch.log(sigma)
        angle = noise * self.frequency
        features = torch.cat([y * torch.rsqrt(variance), noise, torch.ones_like(noise), torch.cos(angle),
                              torch.sin(angle)], 1)
        return y * (self.data_variance / variance) + sigma * self.data_deviation * torch.rsqrt(variance) * self.net(features)


def moons():
    """The means of 64 Gaussians of deviation 0.05."""
    t = math.pi * torch.arange(32) / 31
    upper = torch.stack([(torch.cos(t) - 0.5) / 1.2, (torch.sin(t) - 0.25) / 1.2], 1)
    lower = torch.stack([(1 - torch.cos(t) - 0.5) / 1.2, (0.5 - torch.sin(t) - 0.25) / 1.2], 1)
    return torch.cat([upper, lower])


def train(compiled, by_lists, steps):
    """Seconds a step, and the denoiser."""
    torch.manual_seed(1)
    means = moons()
    model = Network()
    average = [p.detach().clone() for p in model.parameters()]
    parameters = list(model.parameters())
    optimiser = torch.optim.Adam(parameters, lr=1e-2, betas=(0.9, 0.99), foreach=by_lists)
    forward = torch.jit.script(model) if compiled else model
    begin = None
    for step in range(-20, steps):  # the first steps compile
        if step == 0:
            begin = time.perf_counter()
        x = means[torch.randint(64, (BATCH,))] + 0.05 * torch.randn(BATCH, 2)
        sigma = SIGMA_MIN * (SIGMA_MAX / SIGMA_MIN) ** torch.rand(BATCH, 1)
        y = x + sigma * torch.randn(BATCH, 2)
        weight = (sigma * sigma + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2
        loss = (weight * (forward(y, sigma) - x) ** 2).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for group in optimiser.param_groups:
            at = max(step, 0)
            group["lr"] = 1e-2 * 0.5 * (1 + math.cos(math.pi * at / STEPS)) * min(1, (at + 1) / 50)
        optimiser.step()
        with torch.no_grad():
            rate = 1 - min(0.999, (max(step, 0) + 1) / (max(step, 0) + 10))
            torch._foreach_add_(average, torch._foreach_sub(parameters, average), alpha=rate)
    return (time.perf_counter() - begin) / steps, model


@torch.no_grad()
def heun(denoise, n):
    first, last = SIGMA_MAX ** (1 / 7), SIGMA_MIN ** (1 / 7)
    grid = [(first + i / (HEUN_STEPS - 1) * (last - first)) ** 7 for i in range(HEUN_STEPS)] + [0]
    x = grid[0] * torch.randn(n, 2)
    for a, b in zip(grid, grid[1:]):
        slope = (x - denoise(x, torch.full((n, 1), a))) / a
        euler = x + (b - a) * slope
        if b == 0:
            return euler
        x = x + (b - a) / 2 * (slope + (euler - denoise(euler, torch.full((n, 1), b))) / b)
    return x


def main():
    repeats = int(sys.argv[1])
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    forms = {(compiled, by_lists): [] for compiled in (False, True) for by_lists in (False, True)}
    for _ in range(repeats):
        for form, times in forms.items():
            seconds, model = train(*form, steps=100)
            times.append(seconds)
    best = min(forms, key=lambda form: statistics.median(forms[form]))
    print(f"torch_training_step {1e3 * statistics.median(forms[best]):.4f} ms")
    print(f"torch_training_form {'compiled' if best[0] else 'eager'}_{'lists' if best[1] else 'single'} form")

    model.eval()
    frozen = torch.jit.freeze(torch.jit.script(model))
    rates = {}
    for name, denoise in (("eager", model), ("frozen", frozen)):
        for batch in (256, 1024, 4096, 16384):
            heun(denoise, batch)
            times = []
            for _ in range(repeats):
                begin = time.perf_counter()
                count = 0
                while count < 16384:
                    heun(denoise, batch)
                    count += batch
                times.append((time.perf_counter() - begin) / count)
            rates[name, batch] = 1 / statistics.median(times)
    name, batch = max(rates, key=rates.get)
    print(f"torch_sampling {rates[name, batch]:.1f} samples/s")
    print(f"torch_sampling_batch {batch} samples")
    print(f"torch_sampling_form {name} form")


if __name__ == "__main__":
    main()
