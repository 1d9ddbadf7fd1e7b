#!/usr/bin/env python3
"""
Reads what model.save() wrote, by the format's page and not by the package (https://huggingface.co/docs/safetensors), into the
same model in PyTorch, and prints its logits.

usage: saved.py FILE SEED N      of N samples from recipe.py, as JSON: { "train": [...], "eval": [...] }
"""

import json
import struct
import sys

sys.dont_write_bytecode = True

import numpy as np
import torch

import recipe
from traces import build

DTYPES = {"F32": np.float32, "I64": np.int64}


def read(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        values = file.read()
    metadata = header.pop("__metadata__")
    tensors = {}
    for key, entry in header.items():
        begin, end = entry["data_offsets"]
        array = np.frombuffer(values[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[key] = torch.from_numpy(array.copy())
    return tensors, metadata


def main(path, seed, n):
    tensors, metadata = read(path)
    spec = json.loads(metadata["spec"])
    model, _ = build(spec["layers"], spec["input"])
    model.load_state_dict(tensors, strict=True)
    shape = [n, *spec["input"]]
    x = torch.from_numpy(recipe.values(seed, 1, 0, int(np.prod(shape)))).reshape(shape)
    # In eval mode first: a pass in train mode moves the running statistics.
    with torch.no_grad():
        logits = {"eval": model.eval()(x), "train": model.train()(x)}
    print(json.dumps({mode: values.flatten().tolist() for mode, values in logits.items()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
