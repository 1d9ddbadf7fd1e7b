#!/usr/bin/env python3
"""The benchmark's works in PyTorch on one thread, a JSON line each: pytorch.py [--exactly NAME | word ...]

Words choose the works whose names contain one of them, as in bench.mjs; the shapes are those of tests/c/kernels.inc.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import json
import re
import sys
import time
from pathlib import Path
from statistics import median

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
TABLE = Path(__file__).resolve().parents[2] / "c" / "kernels.inc"
SAMPLES, SAMPLE_SECONDS = 11, 0.025


def shapes(name):
    rows = re.findall(rf"^{name}\((.*)\)$", TABLE.read_text(), re.M)
    return [[int(size) for size in row.split(",")] for row in rows]


def conv(i, o):
    return nn.Conv2d(i, o, 3, padding=1)


def smallcnn(norm):
    make = {"batch": nn.BatchNorm2d, "group": lambda c: nn.GroupNorm(8, c), "none": lambda c: nn.Identity()}[norm]
    return nn.Sequential(
        conv(1, 16), make(16), nn.ReLU(), nn.MaxPool2d(2), conv(16, 32), make(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1568, 10),
    )


def seedmlp():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 128), nn.BatchNorm1d(128),
        nn.ReLU(), nn.Linear(128, 10),
    )


def seedconvnet():
    return nn.Sequential(
        conv(3, 64), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2), conv(64, 128), nn.BatchNorm2d(128), nn.ReLU(),
        nn.MaxPool2d(2), conv(128, 256), nn.BatchNorm2d(256), nn.ReLU(), nn.Flatten(), nn.Linear(256 * 64, 512),
        nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 10),
    )


MODELS = [
    ("smallcnn-batch", lambda: smallcnn("batch"), (1, 28, 28), [2, 8, 32]),
    ("smallcnn-group", lambda: smallcnn("group"), (1, 28, 28), [32]),
    ("smallcnn-none", lambda: smallcnn("none"), (1, 28, 28), [32]),
    ("seedmlp", seedmlp, (1, 28, 28), [64]),
    ("seedconvnet", seedconvnet, (3, 32, 32), [32]),
]


def norm_works():
    kinds = {
        "bn": (lambda s: nn.BatchNorm2d(s[1]), False),
        "ln": (lambda s: nn.LayerNorm(s[1:]), True),
        "gn8": (lambda s: nn.GroupNorm(8, s[1]), False),
        "in": (lambda s: nn.InstanceNorm2d(s[1], affine=True), False),
    }
    for prefix, (make, rows) in kinds.items():
        for shape in shapes("NORM_TIMED") + (shapes("ROWS_TIMED") if rows else []):
            name = "x".join(map(str, shape))
            yield f"{prefix}_fwd_train {name}", lambda s=shape, m=make: forward(m(s), s), None
            if prefix == "bn":
                yield f"bn_fwd_eval {name}", lambda s=shape, m=make: forward(m(s).eval(), s), None
            yield f"{prefix}_bwd {name}", lambda s=shape, m=make: backward(m(s), s), None


def forward(module, shape):
    x = torch.randn(shape)
    with torch.no_grad():
        return lambda: no_grad(module, x)


def no_grad(module, x):
    with torch.no_grad():
        module(x)


def backward(module, shape):
    x = torch.randn(shape, requires_grad=True)
    y, dy = module(x), torch.randn(shape)
    wanted = [x, *module.parameters()]
    return lambda: torch.autograd.grad(y, wanted, dy, retain_graph=True)


def gemm(n):
    a, b = torch.randn(n, n), torch.randn(n, n)
    return lambda: no_grad(lambda x: x @ b, a)


def train(make, sample, batch):
    model, x, labels = make(), torch.randn(batch, *sample), torch.arange(batch) * 7 % 10
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(x), labels).backward()
        optimizer.step()

    return step


def infer(make, sample, batch):
    model, x = make().eval(), torch.randn(batch, *sample)
    return lambda: no_grad(model, x)


def works():
    yield from norm_works()
    yield "gemm 512", lambda: gemm(512), None
    for kind in [train, infer]:
        for name, make, sample, sizes in MODELS:
            for batch in sizes:
                yield (
                    f"{kind.__name__} {name} B={batch}",
                    lambda k=kind, m=make, s=sample, b=batch: k(m, s, b),
                    batch,
                )


def measure(run):
    def spent(times):
        began = time.perf_counter()
        for _ in range(times):
            run()
        return time.perf_counter() - began

    times = 1
    run()
    while spent(times) < SAMPLE_SECONDS / 2:
        times *= 2
    return [1000 * spent(times) / times for _ in range(SAMPLES)]


def chosen(name, words):
    if words[:1] == ["--exactly"]:
        return name == words[1]
    return not words or any(word in name for word in words)


for name, prepare, images in works():
    if not chosen(name, sys.argv[1:]):
        continue
    samples = measure(prepare())
    line = {"work": name, "peer": f"pytorch {torch.__version__}", "ms": float(f"{median(samples):.4g}")}
    if images:
        line["images_per_s"] = round(1000 * images / median(samples))
    print(json.dumps(line), flush=True)
