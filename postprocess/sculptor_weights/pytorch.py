"""To and from PyTorch, which is imported only where it is needed."""
import re

import numpy as np

from .weights import Weights


def _array(tensor):
    return np.array(tensor.detach().cpu().float().numpy() if hasattr(tensor, "detach") else tensor, np.float32)


def from_state_dict(network, state_dict, rename=None, **rest):
    """A Weights from a state_dict (or a dictionary of arrays) with the architecture's own names and shapes
    (networks.shapes()); rename maps one of its names to ours, None leaves it out. rest: the other fields of Weights."""
    rename = rename or (lambda name: name)
    tensors = {rename(name): _array(tensor) for name, tensor in state_dict.items() if rename(name) is not None}
    return Weights(network=network, tensors=tensors, **rest)


def mlp_from_torch(module, network=None, **rest):
    """A Weights of type mlp from the torch.nn.Linear layers of a module, in the order of module.modules(), which must be
    that of evaluation. Width, layers and embedding follow from their shapes; n_dim from the last. Say
    network={"activation": "tanh"} where it is not SiLU. Layer 0 must see networks.inputs()."""
    import torch
    linear = [layer for layer in module.modules() if isinstance(layer, torch.nn.Linear)]
    if len(linear) < 2 or any(layer.bias is None for layer in linear):
        raise ValueError("the module must have two or more torch.nn.Linear, all with a bias")
    n_dim, spare = linear[-1].out_features, linear[0].in_features - linear[-1].out_features - 1
    if spare < 0 or spare % 2:
        raise ValueError(f"layer 0 has {linear[0].in_features} inputs; n_dim + 1 + 2 embedding are wanted")
    settings = {"type": "mlp", "width": linear[0].out_features, "layers": len(linear) - 1, "embedding": spare // 2,
                **(network or {})}
    tensors = {}
    for i, layer in enumerate(linear):
        tensors[f"layer_{i}.weight"], tensors[f"layer_{i}.bias"] = _array(layer.weight), _array(layer.bias)
    return Weights(network=settings, tensors=tensors, n_dim=n_dim, **rest)


def mlp_from_file(path, network=None, **rest):
    """The same from a file of the state_dict of a torch.nn.Sequential, whatever precedes "0.weight" in its names."""
    import torch
    state = torch.load(path, map_location="cpu", weights_only=True)  # a pickled module could run any code
    found = {}
    for name, value in state.items():
        match = re.fullmatch(r"((?:.*\.)?)(\d+)\.(weight|bias)", name)
        if not match:
            raise ValueError(f"{name} is no weight or bias of a layer of a Sequential")
        found.setdefault((match[1], int(match[2])), {})[match[3]] = value
    if len({prefix for prefix, _ in found}) != 1 or any(len(layer) != 2 or layer["weight"].ndim != 2
                                                        for layer in found.values()):
        raise ValueError("its layers are not Linear ones with weight and bias of one Sequential")
    linear = []
    for key in sorted(found):
        n_out, n_in = found[key]["weight"].shape
        linear.append(torch.nn.Linear(n_in, n_out))
        linear[-1].load_state_dict(found[key])
    return mlp_from_torch(torch.nn.Sequential(*linear), network, **rest)


def mlp_to_torch(weights):
    """A torch.nn.Sequential of a network mlp; it takes networks.inputs() as floats and gives F. Its spectral_norm must be
    0: torch.nn.utils.parametrizations.spectral_norm is another one."""
    import torch
    network = weights.network
    if network["type"] != "mlp" or network["spectral_norm"] != 0:
        raise ValueError("only a network mlp without spectral_norm")
    layers = []
    for i in range(network["layers"] + 1):
        weight, bias = weights.tensors[f"layer_{i}.weight"], weights.tensors[f"layer_{i}.bias"]
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.copy()))
            linear.bias.copy_(torch.from_numpy(bias.copy()))
        layers += [linear, torch.nn.Tanh() if network["activation"] == "tanh" else torch.nn.SiLU()]
    return torch.nn.Sequential(*layers[:-1])
