"""What all commands share: errors told in one line with an exit status, arguments, and files written whole."""

import argparse
import importlib
import os
import sys

PACKAGES = ("numpy", "h5py", "matplotlib")
BAD_USE, FAILED = 2, 3


class Problem(Exception):
    """Ends the command: one line and an exit status."""

    def __init__(self, line, status):
        super().__init__(line)
        self.status = status


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Problem(f"{message}; see {self.prog} --help", BAD_USE)


def positive(text):
    try:
        value = int(text.replace("_", ""))
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return value


def index(text):
    return 0 if text == "0" else positive(text)


def coordinates(text):
    try:
        values = [int(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not 1 <= len(values) <= 2 or min(values) < 0 or len(set(values)) != len(values):
        raise argparse.ArgumentTypeError(f"{text!r} is not i or i,j: one or two different coordinates, from 0")
    return values


def coordinate_pair(text):
    values = coordinates(text)
    if len(values) != 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not i,j: two different coordinates, from 0")
    return values


def require_packages():
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise Problem(f"Python package {name} cannot be imported ({' '.join(str(error).split())}): "
                          f"apt install python3-{name}, or {sys.executable} -m pip install {name}", FAILED) from None


def make_folder(path):
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(f"{path}: cannot be made: {error.strerror}", FAILED) from None


def save(path, data):
    """Whole or not at all."""
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as error:
        raise Problem(f"{path}: cannot be written: {error.strerror}", FAILED) from None
    print(path)
