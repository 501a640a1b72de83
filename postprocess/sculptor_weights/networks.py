"""The architectures: their tensors, and those of particles evaluated in numpy, in double."""
import math

import numpy as np

DEFAULTS = {
    "mlp": {"width": 128, "layers": 3, "embedding": 4, "activation": "silu", "spectral_norm": 0.0},
    "energy": {"width": 128, "layers": 3, "embedding": 4, "activation": "silu", "spectral_norm": 0.0},
    "unet": {"channels": 16, "levels": 2, "blocks": 1, "embedding": 4},
}


def complete(network):
    """With the program's defaults where they are known here; type first."""
    return {"type": network["type"], **DEFAULTS.get(network["type"], {}), **network}


def _perceptron(network, n_dim, n_outputs):
    sizes = [n_dim + 1 + 2 * network["embedding"], *[network["width"]] * network["layers"], n_outputs]
    tensors = {}
    for layer, (n_in, n_out) in enumerate(zip(sizes, sizes[1:])):
        tensors[f"layer_{layer}.weight"] = (n_out, n_in)
        tensors[f"layer_{layer}.bias"] = (n_out,)
    return tensors


def _spectral(network):
    features = 2 + 2 * network["embedding"]
    return {"filters": (network["channels"], network["bins"], features),
            "weight": (network["hidden"], network["channels"]),
            "bias": (network["hidden"], features), "amplitude": (network["hidden"], features)}


def _unet(network, n_axes):
    channels, levels = network["channels"], network["levels"]
    embedding, tensors = 4 * channels, {}

    def linear(name, n_in, n_out):
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = (n_out, n_in), (n_out,)

    def conv(name, n_in, n_out, bias=True):
        tensors[f"{name}.weight"] = (n_out, n_in, *[3] * n_axes)
        if bias:
            tensors[f"{name}.bias"] = (n_out,)

    def blocks(name, level):
        here = channels << level
        for block in range(network["blocks"]):
            conv(f"{name}_{level}.block_{block}.conv_1", here, here, bias=False)
            linear(f"{name}_{level}.block_{block}.film", embedding, 2 * here)
            conv(f"{name}_{level}.block_{block}.conv_2", here, here)

    linear("embed", 1 + 2 * network["embedding"], embedding)
    conv("input", 1, channels, bias=False)
    linear("input_film", embedding, 2 * channels)
    for level in range(levels + 1):
        blocks("encoder", level)
        if level < levels:
            conv(f"down_{level}", channels << level, channels << level + 1)
    for level in reversed(range(levels)):
        conv(f"up_{level}", channels << level + 1, channels << level)
        blocks("decoder", level)
    linear("output_film", embedding, 2 * channels)
    conv("output", channels, 1)
    return tensors


def shapes(network, n_dim=0, n_axes=0):
    """{name: shape} in the order of the program's weights. Convolutions are [out, in, (z,) y, x], as PyTorch's."""
    network = complete(network)
    kind = network["type"]
    try:
        if kind in ("mlp", "energy"):
            return _perceptron(network, n_dim, n_dim if kind == "mlp" else 1)
        if kind == "spectral":
            return _spectral(network)
        if kind == "unet":
            return _unet(network, n_axes)
    except KeyError as missing:
        raise ValueError(f"network of type {kind}: {missing.args[0]} is not given") from None
    raise ValueError(f"network of type {kind} is not known here")


def inputs(u, sigma, embedding):
    """What layer 0 sees of u[n, n_dim] and sigma[n]: u, c, cos(pi q c), sin(pi q c), c = ln(sigma)/4, q = 1 .. embedding."""
    noise = 0.25 * np.log(np.broadcast_to(np.asarray(sigma, np.float64), u.shape[:1]))[:, None]
    phase = math.pi * np.arange(1, embedding + 1) * noise
    return np.concatenate([u, noise, np.cos(phase), np.sin(phase)], axis=1)


def _act(kind, z):
    """An activation and its slope."""
    if kind == "tanh":
        h = np.tanh(z)
        return h, 1 - h * h
    gate = 0.5 * (1 + np.tanh(0.5 * z))
    return z * gate, gate + z * gate * (1 - gate)


def _layers(weights):
    """[(W, b)] as used."""
    network = weights.network
    limit = network["spectral_norm"]
    for layer in range(network["layers"] + 1):
        weight = weights.tensors[f"layer_{layer}.weight"].astype(np.float64)
        if limit > 0:
            weight = weight * min(1.0, limit / np.linalg.norm(weight, 2))
        yield weight, weights.tensors[f"layer_{layer}.bias"].astype(np.float64)


def output(weights, u, sigma):
    """F(u; sigma) of a network of particles: u[n, n_dim], sigma a number or [n]."""
    if weights.network["type"] not in ("mlp", "energy"):
        raise ValueError("only networks of particles are evaluated here")
    u = np.asarray(u, np.float64)
    h, slopes, used = inputs(u, sigma, weights.network["embedding"]), [], list(_layers(weights))
    for layer, (weight, bias) in enumerate(used):
        h = h @ weight.T + bias
        if layer < weights.network["layers"]:
            h, slope = _act(weights.network["activation"], h)
            slopes.append(slope)
    if weights.network["type"] == "mlp":
        return h
    gradient = np.ones_like(h) @ used[-1][0]
    for (weight, _), slope in zip(reversed(used[:-1]), reversed(slopes)):
        gradient = (gradient * slope) @ weight
    return gradient[:, :weights.n_dim]


def score(weights, y, sigma):
    """s(y; sigma) = -(y - m)/(v + sigma^2) + c_out/sigma^2 F(c_in (y - m); sigma) [Karras et al. 2022]."""
    y = np.asarray(y, np.float64)
    sigma = np.broadcast_to(np.asarray(sigma, np.float64), y.shape[:1])
    s, variance = sigma[:, None], weights.variance[0]
    scale = np.sqrt(variance + s**2)
    network = output(weights, (y - weights.mean) / scale, sigma)
    return -(y - weights.mean) / scale**2 + np.sqrt(variance) / (scale * s) * network
