"""python3 -m sculptor_weights info FILE | convert FILE TO"""
import argparse
import sys

from . import files, text


def main():
    parser = argparse.ArgumentParser(prog="sculptor_weights", description="Weights files of Sculptor.")
    commands = parser.add_subparsers(dest="command", required=True)
    info = commands.add_parser("info", help="what a weights file says of itself")
    info.add_argument("file")
    convert = commands.add_parser("convert", help="the same weights in another layout")
    convert.add_argument("file")
    convert.add_argument("to", help="NAME.h5, NAME.safetensors, or a folder of .npy files")
    arguments = parser.parse_args()
    try:
        weights = files.load(arguments.file)
        if arguments.command == "convert":
            files.save(arguments.to, weights)
            return 0
        sys.stdout.write(text.write(weights))
        for name, tensor in weights.tensors.items():
            print(f"{name} {list(tensor.shape)}")
        print(f"tensors_sha256: {weights.digest()}")
    except (OSError, ValueError, KeyError) as why:
        print(f"sculptor_weights: {why}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
