"""The text beside arrays that says what they are: YAML, of which as much is read here as the program writes."""
import hashlib

KEYS = ("weights_format", "network", "n_dim", "cells", "box_size", "sigma_min", "sigma_max", "training_steps", "mean",
        "variance", "wavenumber", "zero_variance", "sha256")


def write_value(value):
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(write_value(one) for one in value) + "]"
    return repr(float(value)) if isinstance(value, float) else str(value)


def write(weights):
    """Its last line is the digest of the lines above and the tensors."""
    lines = ["weights_format: 1", "network:"]
    lines += [f"  {key}: {write_value(value)}" for key, value in weights.network.items()]
    if weights.n_dim:
        lines += [f"n_dim: {weights.n_dim}"]
    else:
        lines += [f"{key}: {write_value(getattr(weights, key))}" for key in ("cells", "box_size", "wavenumber")]
        lines += [f"zero_variance: {write_value(float(weights.zero_variance))}"]
    lines += [f"sigma_min: {write_value(float(weights.sigma_min))}", f"sigma_max: {write_value(float(weights.sigma_max))}",
              f"training_steps: {weights.steps}", f"mean: {write_value(weights.mean)}",
              f"variance: {write_value(weights.variance)}"]
    text = "\n".join(lines) + "\n"
    return text + f"sha256: {digest(text, weights)}\n"


def digest(text, weights):
    return hashlib.sha256(text.encode() + weights.theta()).hexdigest()


def read_value(text):
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        return [read_value(one) for one in text[1:-1].split(",") if one.strip()]
    if text.startswith("{") and text.endswith("}"):
        return dict(_pair(one) for one in text[1:-1].split(","))
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _pair(line):
    key, colon, value = line.partition(":")
    if not colon:
        raise ValueError(f"\"{line}\" is no line \"key: value\"")
    return key.strip(), read_value(value)


def read(text):
    """{key: value}; network, where its keys are indented below it, a dictionary."""
    values = {}
    for line in text.splitlines():
        line = line.split("#")[0].rstrip()
        if not line:
            continue
        key, value = _pair(line)
        if key == "sha256":
            value = line.partition(":")[2].strip()  # digits may look like a number
        if line[0] == " ":
            values["network"][key] = value
        elif key not in KEYS or key in values:
            raise ValueError(f"{key} is not known, or there twice")
        else:
            values[key] = {} if key == "network" and value == "" else value
    return values


def read_lines(text):
    """The architecture as HDF5 has it: its keys alone."""
    return dict(_pair(line) for line in text.splitlines() if line.strip())
