#!/usr/bin/env python3
"""Writes what PyTorch computes, for the Node tests to compare with: layers in *Norm.json and large.json, training in
traces.json, what hooks see of a training step in measured.json.

usage: gen.py            write the files beside this script
       gen.py --check    compute everything again and compare with them: equal, or within TOLERANCE

Made with Debian 12's python3-torch (1.13). One thread and fixed seeds: the same machine gives the same bytes, another
may differ in the last bits.
"""

import os
import sys

os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.dont_write_bytecode = True

import argparse
import json
from functools import partial
from pathlib import Path

import torch

from files import differences
from layer_cases import GROUPS
from layers import layers
from measured import measured
from traces import traces

HERE = Path(__file__).resolve().parent
FILES = {**{f"{group}.json": partial(layers, group) for group in GROUPS}, "traces.json": traces,
         "measured.json": measured}
# Of a tensor's largest value. Layers are computed in float64; ten steps in float32 carry rounding on.
TOLERANCE = {"traces.json": 5e-6}
EXACT = 1e-9

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    check = parser.parse_args().check
    failed = False
    for name, make in FILES.items():
        path, text = HERE / name, make()
        if not check:
            path.write_text(text)
            print(f"{name}: {len(text)} bytes")
            continue
        old = path.read_text()
        found = [] if old == text else differences(json.loads(old), json.loads(text), TOLERANCE.get(name, EXACT))
        for line in found[:20]:
            print(f"{name}{line}")
        same = "equal" if old == text else "equal within rounding"
        print(f"{name}: {f'{len(found)} differences' if found else same}")
        failed |= bool(found)
    sys.exit(failed)


if __name__ == "__main__":
    main()
