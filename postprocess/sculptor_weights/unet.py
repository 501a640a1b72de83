"""The network unet as a torch.nn.Module, tensor for tensor and name for name, to be trained in PyTorch and used here:

    model = UNet({"type": "unet", "channels": 16, "levels": 2}, n_axes=2)
    weights = from_state_dict(model.network, model.state_dict(), cells=[64, 64], box_size=[100, 100], ...)
"""
import math

import torch

from . import networks


class UNet(torch.nn.Module):
    """F(u; sigma) of a batch u[n, 1, (z,) y, x] and sigma[n]; see src/network/unet.c for the equations."""

    def __init__(self, network, n_axes):
        super().__init__()
        self.network, self.n_axes = networks.complete(network), n_axes
        for name, shape in networks.shapes(network, n_axes=n_axes).items():
            *path, last = name.split(".")
            module = self
            for part in path:
                if not hasattr(module, part):
                    module.add_module(part, torch.nn.Module())
                module = getattr(module, part)
            module.register_parameter(last, torch.nn.Parameter(torch.randn(shape) / math.sqrt(math.prod(shape[1:]))))
        with torch.no_grad():  # F is 0 at first, so that the denoiser is Wiener's
            self.output.weight.zero_()
            self.output.bias.zero_()

    def _conv(self, layer, x):
        x = torch.nn.functional.pad(x, [1, 1] * self.n_axes, mode="circular")
        run = torch.nn.functional.conv2d if self.n_axes == 2 else torch.nn.functional.conv3d
        return run(x, layer.weight, getattr(layer, "bias", None))

    def _film(self, layer, e, x):
        scale, shift = torch.nn.functional.linear(e, layer.weight, layer.bias).chunk(2, dim=1)
        spread = (*scale.shape, *[1] * self.n_axes)
        return (1 + scale.reshape(spread)) * x + shift.reshape(spread)

    def _blocks(self, level, e, x):
        for block in level.children():
            inner = torch.nn.functional.silu(self._film(block.film, e, self._conv(block.conv_1, x)))
            x = x + self._conv(block.conv_2, inner)
        return x

    def forward(self, u, sigma):
        levels = self.network["levels"]
        pool = torch.nn.functional.avg_pool2d if self.n_axes == 2 else torch.nn.functional.avg_pool3d
        c = 0.25 * torch.log(sigma)[:, None]
        phase = math.pi * torch.arange(1, self.network["embedding"] + 1, dtype=c.dtype) * c
        pairs = torch.stack([torch.cos(phase), torch.sin(phase)], dim=2).flatten(1)
        e = torch.nn.functional.silu(
            torch.nn.functional.linear(torch.cat([c, pairs], dim=1), self.embed.weight, self.embed.bias))
        x, streams = self._film(self.input_film, e, self._conv(self.input, u)), []
        for level in range(levels + 1):
            x = self._blocks(getattr(self, f"encoder_{level}"), e, x)
            if level < levels:
                streams.append(x)
                x = self._conv(getattr(self, f"down_{level}"), pool(x, 2))
        for level in reversed(range(levels)):
            x = self._conv(getattr(self, f"up_{level}"), x)
            x = streams[level] + torch.nn.functional.interpolate(x, scale_factor=2, mode="nearest")
            x = self._blocks(getattr(self, f"decoder_{level}"), e, x)
        return self._conv(self.output, torch.nn.functional.silu(self._film(self.output_film, e, x)))
