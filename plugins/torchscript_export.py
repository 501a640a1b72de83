#!/usr/bin/env python3
"""Writes a TorchScript module for plugins/torchscript.cpp: an example to put a network of one's own into.

    python3 plugins/torchscript_export.py mixture.pt

The module here is the exact denoiser of two Gaussians, so that what is sampled with it can be compared:

    D(x; sigma) = x + sigma^2 s(x; sigma),   s = grad ln sum_k w_k N(x; m_k, (s_k^2 + sigma^2) I).

A trained network goes in its place: any torch.nn.Module whose forward(x, sigma) takes x[n, dimension] (of fields
x[n, 1, (z,) y, x]) and sigma[n], and returns the denoised x (config: output=denoiser) or the score. Networks
that want their inputs scaled, as EDM's c_in x and ln(sigma)/4, do so in forward(), where Preconditioned shows how.
"""
import argparse

import torch


class Mixture(torch.nn.Module):
    dimension: int

    def __init__(self, weights, means, sigmas):
        super().__init__()
        self.dimension = len(means[0])
        self.register_buffer("log_weight", torch.log(torch.tensor(weights, dtype=torch.float64)))
        self.register_buffer("mean", torch.tensor(means, dtype=torch.float64))
        self.register_buffer("variance", torch.tensor(sigmas, dtype=torch.float64) ** 2)

    def forward(self, x, sigma):
        total = self.variance + (sigma * sigma)[:, None]                  # [n, components]
        towards = self.mean - x[:, None, :]                               # [n, components, dimension]
        log_p = self.log_weight - 0.5 * (towards * towards).sum(2) / total - 0.5 * self.dimension * torch.log(total)
        share = torch.softmax(log_p, 1)
        score = ((share / total)[:, :, None] * towards).sum(1)
        return x + (sigma * sigma)[:, None] * score


class Preconditioned(torch.nn.Module):
    """D = c_skip x + c_out F(c_in x, ln(sigma)/4), the network F having learned by the rules of Karras et al. 2022."""

    def __init__(self, network, sigma_data: float):
        super().__init__()
        self.network = network
        self.sigma_data = sigma_data

    def forward(self, x, sigma):
        sigma = sigma.reshape([-1] + [1] * (x.dim() - 1))
        total = sigma * sigma + self.sigma_data ** 2
        f = self.network(x / torch.sqrt(total), torch.log(sigma) / 4)
        return self.sigma_data ** 2 / total * x + sigma * self.sigma_data / torch.sqrt(total) * f


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", help="file to write, usually named .pt")
    arguments = parser.parse_args()
    module = Mixture([0.4, 0.6], [[-2.0, 0.0], [2.0, 1.0]], [0.5, 1.0])
    torch.jit.script(module).save(arguments.output)


if __name__ == "__main__":
    main()
