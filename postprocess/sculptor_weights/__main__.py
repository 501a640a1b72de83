"""python3 -m sculptor_weights info FILE | convert FILE TO | export STATE.pt TO --sigma MIN MAX ..."""
import argparse
import pickle
import sys

from . import files, pytorch, text


def main():
    parser = argparse.ArgumentParser(prog="sculptor_weights", description="Weights files of Sculptor.")
    commands = parser.add_subparsers(dest="command", required=True)
    info = commands.add_parser("info", help="what a weights file says of itself")
    info.add_argument("file")
    convert = commands.add_parser("convert", help="the same weights in another layout")
    convert.add_argument("file")
    convert.add_argument("to", help="NAME.h5, NAME.safetensors, or a folder of .npy files")
    export = commands.add_parser("export", help="an mlp from the state_dict of a torch.nn.Sequential of Linear layers")
    export.add_argument("file", help="written by torch.save(model.state_dict(), FILE)")
    export.add_argument("to")
    export.add_argument("--sigma", nargs=2, type=float, required=True, metavar=("MIN", "MAX"), help="trained between")
    export.add_argument("--mean", nargs="+", type=float, required=True, help="of each coordinate")
    export.add_argument("--variance", type=float, required=True, help="of a coordinate")
    export.add_argument("--activation", choices=("silu", "tanh"), default="silu")
    arguments = parser.parse_args()
    try:
        if arguments.command == "export":
            files.save(arguments.to, pytorch.mlp_from_file(
                arguments.file, {"activation": arguments.activation}, sigma_min=arguments.sigma[0],
                sigma_max=arguments.sigma[1], mean=arguments.mean, variance=arguments.variance))
            return 0
        weights = files.load(arguments.file)
        if arguments.command == "convert":
            files.save(arguments.to, weights)
            return 0
        sys.stdout.write(text.write(weights))
        for name, tensor in weights.tensors.items():
            print(f"{name} {list(tensor.shape)}")
        print(f"tensors_sha256: {weights.digest()}")
    except (OSError, EOFError, ValueError, KeyError, ImportError, pickle.UnpicklingError) as why:
        print(f"sculptor_weights: {arguments.file}: {type(why).__name__}: {why}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
