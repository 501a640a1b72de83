"""Weights made in Python, and by PyTorch where it is there, are the same weights and the same function in the program.
(beside others)"""
import os
import subprocess
import sys
import tempfile
import unittest

import support

sys.path.insert(0, os.path.join(support.ROOT, "postprocess"))
import numpy as np  # noqa: E402
import sculptor_weights as sw  # noqa: E402

PROBE = os.path.join(support.BUILD, "tests", "network_probe")
EPS = 2.0**-24


def random_weights(kind, seed=1, **changes):
    random = np.random.default_rng(seed)
    if kind in ("mlp", "energy"):
        rest = dict(n_dim=3, mean=[0.5, -1e-3, 2], variance=0.7)
        network = {"type": kind, "width": 24, "layers": 2, "embedding": 3, **changes}
    else:
        rest = dict(cells=[16, 16, 16][:3 if kind == "unet" else 2], box_size=[100, 100, 50.5][:3 if kind == "unet" else 2],
                    mean=1.25, variance=[3, 1e-5, 0.1], wavenumber=[0.1, 0.5, 1.5], zero_variance=1e10)
        network = {"spectral": {"type": "spectral", "channels": 3, "hidden": 5, "bins": 6, "embedding": 2},
                   "unet": {"type": "unet", "channels": 4, "levels": 2, "blocks": 1, "embedding": 2}}[kind]
    shapes = sw.shapes(network, rest.get("n_dim", 0), len(rest.get("cells", [])))
    tensors = {name: random.normal(0, 1 / np.sqrt(shape[-1]), shape) for name, shape in shapes.items()}
    return sw.Weights(network=network, tensors=tensors, sigma_min=0.01, sigma_max=10 / 3, steps=7, **rest)


def hash_of(path):
    told = support.run([support.SCULPTOR, "hash", path])
    return told.stdout.split()[0] if told.returncode == 0 else told.stderr.strip()


def probe(path, sigma, x):
    """F and the score at points, as the program has them."""
    points = "".join(" ".join(repr(float(v)) for v in (s, *row)) + "\n" for s, row in zip(sigma, x))
    told = subprocess.run([PROBE, path], input=points, capture_output=True, text=True, timeout=60, env=support.ENVIRONMENT)
    if told.returncode != 0:
        raise AssertionError(told.stderr)
    return np.split(np.array([line.split() for line in told.stdout.splitlines()], float), 2, axis=1)


def rounding_of(weights, u, sigma):
    """How far a float32 evaluation may be from the exact one: inputs are rounded, a sum of n products in float32 is off by at
    most (n + 1) EPS of the sum of their sizes, an activation by 4e-7 of the larger of 1 and |h| and it stretches by at most
    1.1. For networks mlp."""
    h = sw.inputs(u, sigma, weights.network["embedding"])
    error = EPS * np.abs(h)
    last = weights.network["layers"]
    for layer in range(last + 1):
        weight, bias = (weights.tensors[f"layer_{layer}.{what}"].astype(float) for what in ("weight", "bias"))
        size = np.abs(h) @ np.abs(weight.T) + np.abs(bias)
        error = error @ np.abs(weight.T) + (weight.shape[1] + 1) * EPS * size
        h = h @ weight.T + bias
        if layer < last:
            h = h / (1 + np.exp(-h)) if weights.network["activation"] == "silu" else np.tanh(h)
            error = 1.1 * error + 4e-7 * np.maximum(1, np.abs(h))
    return error


class TestWeights(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(dir=os.environ.get("SCRATCH"))
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def save_all(self, weights):
        paths = [self.path(name) for name in ("w.h5", "w.safetensors", "npy")]
        for path in paths:
            sw.save(path, weights)
        return paths

    def check_layouts(self, kind):
        weights = random_weights(kind)
        paths = self.save_all(weights)
        hashes = [hash_of(path) for path in paths]
        self.assertRegex(hashes[0], "^[0-9a-f]{64}$")
        self.assertEqual(hashes, hashes[:1] * 3)
        for path in paths:
            again = sw.load(path)
            self.assertEqual(again.digest(), weights.digest())
            self.assertEqual(again.network, weights.network)
            for name in ("sigma_min", "sigma_max", "n_dim", "cells", "box_size", "zero_variance", "steps"):
                self.assertEqual(getattr(again, name), getattr(weights, name), name)
            for name in ("mean", "variance"):
                self.assertEqual(getattr(again, name).tolist(), getattr(weights, name).tolist())
        return hashes[0]

    def test_weights_of_particles_are_the_same_in_every_layout(self):
        self.assertNotEqual(self.check_layouts("mlp"), self.check_layouts("energy"))

    def test_weights_of_fields_are_the_same_in_every_layout(self):
        self.check_layouts("spectral")

    def test_weights_of_unets_are_the_same_in_every_layout(self):
        self.check_layouts("unet")

    def test_half_and_double_precision_are_read(self):
        weights = random_weights("mlp")
        for kind in ("<f2", "<f8"):
            folder = self.path("of" + kind[1:])
            sw.save(folder, weights)
            for name, tensor in weights.tensors.items():
                np.save(os.path.join(folder, name + ".npy"), tensor.astype(kind))
                weights.tensors[name] = tensor.astype(kind).astype("<f4")
            with open(os.path.join(folder, "weights.yaml")) as file:
                text = file.read()
            with open(os.path.join(folder, "weights.yaml"), "w") as file:
                file.write(text[:text.rindex("sha256:")] + "sha256: unknown\n")
            sw.save(self.path("same.h5"), weights)
            self.assertEqual(hash_of(folder), hash_of(self.path("same.h5")))

    def test_a_network_is_the_same_function_in_numpy_and_in_the_program(self):
        random = np.random.default_rng(3)
        u, sigma = random.normal(0, 1, (150, 3)), 10**random.uniform(-2, 0.5, 150)
        for kind, changes in (("mlp", {}), ("mlp", {"activation": "tanh"}), ("mlp", {"spectral_norm": 1.5}), ("energy", {})):
            weights = random_weights(kind, **changes)
            path = self.save_all(weights)[1]
            f, s = probe(path, sigma, u)
            if kind == "mlp" and not changes.get("spectral_norm"):
                bound = rounding_of(weights, u, sigma)
            else:  # the norm is an upper bound to 2^-20, an energy goes through twice as many layers: of what F may be
                bound = 20 * EPS * 24 * np.abs(sw.output(weights, u, sigma)).max()
            expected = sw.output(weights, u, sigma)
            self.assertLess(np.max(np.abs(f - expected) / bound), 1)
            self.assertLess(np.max(bound), 0.01 * np.std(expected))  # or it could not fail
            # the score's F is at c_in (y - m), so its rounding is that of F times c_out/sigma^2, and no more than 2^-20 of the rest
            y = u
            scale = np.sqrt(weights.variance + sigma[:, None]**2)
            factor = np.sqrt(weights.variance) / (scale * sigma[:, None])
            inner = (y - weights.mean) / scale
            f_bound = rounding_of(weights, inner, sigma) if kind == "mlp" and not changes.get("spectral_norm") else bound.max()
            expected = sw.score(weights, y, sigma)
            self.assertLess(np.max(np.abs(s - expected) / (factor * f_bound + 2**-20 * np.abs(expected))), 1)

    def test_a_network_of_pytorch_is_the_same_function_in_the_program(self):
        try:
            import torch
        except ImportError:
            self.skipTest("PyTorch is not there")
        torch.manual_seed(5)
        torch.set_num_threads(1)
        n_dim, embedding, width = 2, 4, 32
        layers = [torch.nn.Linear(n_dim + 1 + 2 * embedding, width), torch.nn.SiLU(), torch.nn.Linear(width, width),
                  torch.nn.SiLU(), torch.nn.Linear(width, n_dim)]
        model = torch.nn.Sequential(*layers)
        weights = sw.mlp_from_torch(model, sigma_min=0.01, sigma_max=10, mean=[0, 1], variance=2.5)
        random = np.random.default_rng(6)
        u, sigma = random.normal(0, 1, (100, n_dim)), 10**random.uniform(-2, 1, 100)
        seen = torch.from_numpy(sw.inputs(u, sigma, embedding).astype(np.float32))
        with torch.no_grad():
            theirs = model(seen).numpy()
        bound = 2 * rounding_of(weights, u, sigma)  # theirs rounds as well
        for path in self.save_all(weights):
            ours, _ = probe(path, sigma, u)
            self.assertLess(np.max(np.abs(ours - theirs) / bound), 1)
        with torch.no_grad():
            back = sw.mlp_to_torch(sw.load(self.path("w.safetensors")))(seen).numpy()
        self.assertTrue(np.array_equal(back, theirs))
        again = sw.from_state_dict(weights.network, model.state_dict(), n_dim=n_dim, sigma_min=0.01, sigma_max=10,
                                   mean=[0, 1], variance=2.5,
                                   rename=lambda name: f"layer_{int(name.split('.')[0]) // 2}.{name.split('.')[1]}")
        self.assertEqual(again.digest(), weights.digest())
        torch.save({"net." + name: value for name, value in model.state_dict().items()}, self.path("net.pt"))
        for file, status in (("net.pt", 0), ("w.safetensors", 2)):
            done = subprocess.run(
                [sys.executable, "-m", "sculptor_weights", "export", self.path(file), self.path("exported.h5"), "--sigma",
                 "0.01", "10", "--mean", "0", "1", "--variance", "2.5"], text=True, capture_output=True, timeout=120,
                env=dict(support.ENVIRONMENT, PYTHONPATH=os.path.join(support.ROOT, "postprocess")))
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (status, min(status, 1)), done.stderr)
        self.assertEqual(hash_of(self.path("exported.h5")), hash_of(self.path("w.safetensors")))

    def test_a_unet_of_pytorch_is_the_same_function_in_the_program(self):
        try:
            import torch
        except ImportError:
            self.skipTest("PyTorch is not there")
        from sculptor_weights.unet import UNet
        torch.manual_seed(7)
        torch.set_num_threads(1)
        for cells, blocks in (([16, 8], 2), ([8, 16, 8], 1)):
            model = UNet({"type": "unet", "channels": 6, "levels": 1, "blocks": blocks, "embedding": 2}, len(cells))
            u, sigma = torch.randn(3, 1, *cells[::-1]), torch.tensor([0.05, 1, 7])
            with torch.no_grad():
                self.assertEqual(model(u, sigma).abs().max(), 0)  # untrained
                for parameter in (model.output.weight, model.output.bias):
                    parameter.normal_(0, 0.1)
                theirs = model(u, sigma).flatten(1).numpy()
                exact = model.double()(u.double(), sigma.double()).flatten(1).numpy()
            weights = sw.from_state_dict(model.network, model.state_dict(), cells=cells, box_size=cells, mean=0.5,
                                         sigma_min=0.01, sigma_max=10, variance=[2, 1], wavenumber=[1, 2], zero_variance=1)
            sw.save(self.path("unet.h5"), weights)
            ours, _ = probe(self.path("unet.h5"), sigma.numpy(), u.flatten(1).numpy())
            # both round to float32 in an order of their own: the largest of so many errors is of one size
            bound = 8 * np.abs(theirs - exact).max()
            self.assertLess(np.abs(ours - exact).max(), bound)
            self.assertLess(bound, 1e-4 * exact.std())

    def test_the_command_converts_and_refuses(self):
        weights = random_weights("mlp")
        sw.save(self.path("a.h5"), weights)
        environment = dict(support.ENVIRONMENT, PYTHONPATH=os.path.join(support.ROOT, "postprocess"))

        def command(*arguments):
            return subprocess.run([sys.executable, "-m", "sculptor_weights", *arguments], env=environment, text=True,
                                  capture_output=True, timeout=60)

        self.assertEqual(command("convert", self.path("a.h5"), self.path("b.safetensors")).returncode, 0)
        self.assertEqual(hash_of(self.path("a.h5")), hash_of(self.path("b.safetensors")))
        self.assertIn(weights.digest(), command("info", self.path("b.safetensors")).stdout)
        with open(self.path("a.h5"), "r+b") as file:
            file.seek(1000)
            file.write(b"x")
        refused = command("info", self.path("a.h5"))
        self.assertEqual(refused.returncode, 2)
        self.assertIn("seal", refused.stderr)
        self.assertIn("is damaged", support.run([support.SCULPTOR, "hash", self.path("a.h5")]).stderr)


if __name__ == "__main__":
    unittest.main()
