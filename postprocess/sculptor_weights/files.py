"""The three layouts of weights files."""
import hashlib
import io
import json
import os
import struct

import numpy as np

from . import text as texts
from .weights import Weights

TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
SEAL = "sculptor seal 1 sha256 {} size {:016d}\n"


def load(path):
    """A Weights, from an HDF5 file (a checkpoint of a training too), a .safetensors file or a folder of .npy files."""
    path = os.fspath(path)
    if os.path.isdir(path):
        return _load_npy(path)
    with open(path, "rb") as file:
        start = file.read(8)
    return _load_hdf5(path) if start == b"\x89HDF\r\n\x1a\n" else _load_safetensors(path)


def save(path, weights):
    """As HDF5 where path ends in .h5, as safetensors where it ends in .safetensors, else as a folder of .npy files."""
    path = os.fspath(path)
    if path.endswith(".h5"):
        _save_whole(path, _hdf5_bytes(weights))
    elif path.endswith(".safetensors"):
        _save_whole(path, _safetensors_bytes(weights))
    else:
        os.makedirs(path, exist_ok=True)
        for name, tensor in weights.tensors.items():
            np.save(os.path.join(path, name + ".npy"), tensor)
        _save_whole(os.path.join(path, "weights.yaml"), texts.write(weights).encode())


def _save_whole(path, content):
    part = os.path.join(os.path.dirname(path), "." + os.path.basename(path) + ".part")
    with open(part, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _from_text(text, tensors, path):
    values = texts.read(text)
    missing = [key for key in ("network", "sigma_min", "sigma_max", "mean", "variance", "sha256") if key not in values]
    if missing or values.get("weights_format") != 1:
        raise ValueError(f"{path}: its text lacks {', '.join(missing) or 'weights_format: 1'}")
    sha256 = str(values.pop("sha256"))
    values.pop("weights_format")
    weights = Weights(tensors=tensors, steps=values.pop("training_steps", 0), **values)
    if sha256 != "unknown" and sha256 != texts.digest(text[:text.rindex("sha256:")], weights):
        raise ValueError(f"{path}: sha256 is not that of its text and tensors")
    return weights


# ---- HDF5 ----

def _hdf5_bytes(weights):
    import h5py
    memory = io.BytesIO()
    with h5py.File(memory, "w", libver=("earliest", "v110")) as file:
        file.attrs["title"] = np.bytes_("Sculptor: weights of a trained score")
        file.attrs["software"] = np.bytes_("sculptor_weights")
        file.attrs["weights_format"] = np.int64(1)
        file.attrs["network"] = np.bytes_("".join(f"{key}: {texts.write_value(value)}\n"
                                                  for key, value in weights.network.items()))
        file.attrs["n_dim"] = np.int64(weights.n_dim)
        if not weights.n_dim:
            file.attrs["cells"] = np.array(weights.cells, "<f8")
            file.attrs["box_size"] = np.array(weights.box_size, "<f8")
        file.attrs["sigma_min"] = np.float64(weights.sigma_min)
        file.attrs["sigma_max"] = np.float64(weights.sigma_max)
        file.attrs["training_steps"] = np.int64(weights.steps)
        file.attrs["weights_sha256"] = np.bytes_(weights.digest())
        for name, tensor in weights.tensors.items():
            file.create_dataset(f"tensors/{name}", data=tensor)
        group = file.create_group("normalisation")
        group["mean"], group["variance"] = weights.mean, weights.variance
        if not weights.n_dim:
            group["wavenumber"] = weights.wavenumber
        group.attrs["zero_variance"] = np.float64(weights.zero_variance)
    content = memory.getvalue()
    return content + SEAL.format(hashlib.sha256(content).hexdigest(), len(content)).encode()


def _load_hdf5(path):
    import h5py
    with open(path, "rb") as file:
        content = file.read()
    size = len(content) - len(SEAL.format("0" * 64, 0))
    if content[size:] != SEAL.format(hashlib.sha256(content[:size]).hexdigest(), size).encode():
        raise ValueError(f"{path} has no seal, or one that is not of its bytes")
    with h5py.File(io.BytesIO(content[:size]), "r") as file:
        attributes, group = file.attrs, file["normalisation"]
        n_dim = int(attributes["n_dim"])
        of_fields = {} if n_dim else {
            "cells": attributes["cells"].tolist(), "box_size": attributes["box_size"].tolist(),
            "wavenumber": group["wavenumber"][()], "zero_variance": float(group.attrs["zero_variance"])}
        return Weights(network=texts.read_lines(attributes["network"].decode()), n_dim=n_dim,
                       tensors={name: tensor[()] for name, tensor in file["tensors"].items()},
                       sigma_min=float(attributes["sigma_min"]), sigma_max=float(attributes["sigma_max"]),
                       mean=group["mean"][()], variance=group["variance"][()],
                       steps=int(attributes["training_steps"]), **of_fields)


# ---- safetensors ----

def _safetensors_bytes(weights):
    header, at = {"__metadata__": {"sculptor": texts.write(weights)}}, 0
    for name, tensor in weights.tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + tensor.nbytes]}
        at += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + weights.theta()


def _load_safetensors(path):
    with open(path, "rb") as file:
        content = file.read()
    length = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else len(content)
    if length > len(content) - 8:
        raise ValueError(f"{path} is neither HDF5 nor safetensors, or is cut short")
    header, data = json.loads(content[8:8 + length]), content[8 + length:]
    text = header.pop("__metadata__", {}).get("sculptor")
    if text is None:
        raise ValueError(f"{path}: __metadata__ has no text \"sculptor\" that says what the tensors are")
    tensors = {name: np.frombuffer(data[slice(*entry["data_offsets"])], TYPES[entry["dtype"]]).reshape(entry["shape"])
               for name, entry in header.items()}
    return _from_text(text, tensors, path)


# ---- npy ----

def _load_npy(path):
    with open(os.path.join(path, "weights.yaml")) as file:
        text = file.read()
    tensors = {name[:-4]: np.load(os.path.join(path, name), allow_pickle=False)
               for name in sorted(os.listdir(path)) if name.endswith(".npy")}
    return _from_text(text, tensors, path)
