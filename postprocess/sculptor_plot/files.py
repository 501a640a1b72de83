"""HDF5 files and their attributes, and errors told in one line."""

import os
import re

# Pictures only read, and finished files are never changed in place: no locks, which some parallel
# file systems do not have. HDF5 reads this when it is loaded.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")

import h5py
import numpy as np


class RunError(Exception):
    """What a user can cause, told in one line."""


class FileError(RunError):
    """A file that exists but cannot be used; the line names it."""


class Missing(Exception):
    """A picture cannot be drawn for want of what the line names."""


def one_line(error):
    return " ".join(str(error).split())


def open_file(path):
    try:
        return h5py.File(path, "r")
    except OSError as error:
        inner = re.search(r"\((.*)\)$", one_line(error))  # what HDF5 says stands in brackets
        reason = inner.group(1) if inner else one_line(error)
        raise FileError(f"{path}: cannot be read as HDF5: {reason}") from None


def _text(value):
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) and not isinstance(value, np.void) else value


def attributes_of(file):
    return {name: _text(value) for name, value in file.attrs.items()}


def parse_parameters(text):
    """The echo's lines "sampler.step_size: 0.05" as a dictionary of texts."""
    pairs = (line.split(": ", 1) for line in str(text or "").splitlines() if ": " in line)
    return {key.strip(): value.strip() for key, value in pairs}
