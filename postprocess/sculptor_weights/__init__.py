"""Weights files of Sculptor in Python: reads and writes the three layouts (docs/formats.md), evaluates networks of
particles in numpy, takes weights from PyTorch and gives them back.

    import sculptor_weights as sw
    weights = sw.load("runs/moons/weights.h5")          # or a .safetensors file, or a folder of .npy files
    sw.score(weights, y, sigma)                         # numpy, particles
    model = sw.mlp_to_torch(weights)                    # torch.nn.Sequential
    weights = sw.mlp_from_torch(model, sigma_min=.01, sigma_max=10, mean=[0, 0], variance=.7)
    sw.save("weights.h5", weights)                      # score: {type: network, weights: weights.h5}

sculptor_weights.unet has the network unet as a torch.nn.Module.

    python3 -m sculptor_weights info FILE
    python3 -m sculptor_weights convert FILE TO         # TO: NAME.h5, NAME.safetensors, or a folder
    python3 -m sculptor_weights export STATE.pt TO --sigma MIN MAX --mean M ... --variance V
"""
from .files import load, save
from .networks import inputs, output, score, shapes
from .pytorch import from_state_dict, mlp_from_torch, mlp_to_torch
from .weights import Weights

__all__ = ["Weights", "from_state_dict", "inputs", "load", "mlp_from_torch", "mlp_to_torch", "output", "save", "score",
           "shapes"]
