#!/usr/bin/env python3
"""Writes what PyTorch computes, for the Node tests to compare with: layers.json and traces.json.

usage: gen.py            write the files beside this script
       gen.py --check    compute everything again and compare with them: equal, or within TOLERANCE

Made with Debian 12's python3-torch (1.13). One thread and fixed seeds: the same machine gives the same bytes, another
may differ in the last bits of float32.

Tensors are { "f4" | "f8" | "i4": base64 of little-endian values, "shape": [...] }.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import base64
import json
import sys
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
# Of a tensor's largest value. Ten steps in float32 carry rounding on.
TOLERANCE = {"layers.json": 1e-6, "traces.json": 5e-6}
# What float64 leaves of a value that is zero in exact arithmetic.
NOISE = 1e-12

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


# ---- writing and comparing ------------------------------------------------------------------------------------------


def pack(tensor):
    """A tensor in its own precision; float32 and float64 survive bit for bit."""
    array = tensor.detach().contiguous().numpy()
    name = {"float32": "f4", "float64": "f8", "int64": "i4"}[str(array.dtype)]
    data = base64.b64encode(array.astype("<" + name).tobytes()).decode()
    return {name: data, "shape": list(array.shape)}


def unpack(packed):
    (name,) = [key for key in packed if key != "shape"]
    return np.frombuffer(base64.b64decode(packed[name]), "<" + name).astype(np.float64)


def is_tensor(value):
    return isinstance(value, dict) and "shape" in value and bool({"f4", "f8", "i4"} & value.keys())


def document(about, parts):
    """One line a case, so that a change shows where it is."""
    head = {
        "about": about,
        "torch": torch.__version__,
        "regenerate": "/usr/bin/python3 tests/golden/gen.py",
    }
    lines = [json.dumps(head)[1:-1]]
    for key, value in parts.items():
        if isinstance(value, list):
            cases = ",\n".join(json.dumps(case, separators=(",", ":")) for case in value)
            lines.append(f'"{key}": [\n{cases}\n]')
        else:
            lines.append(f'"{key}": {json.dumps(value, separators=(",", ":"))}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def differences(old, new, tolerance, where=""):
    """What differs by more than the tolerance, as lines."""
    if is_tensor(old) and is_tensor(new):
        a, b = unpack(old), unpack(new)
        if old["shape"] != new["shape"] or a.size != b.size:
            return [f"{where}: shape {old['shape']}, now {new['shape']}"]
        most = np.abs(a - b).max() if a.size else 0
        return [f"{where}: differs by {most:g}"] if most > tolerance * np.abs(a).max(initial=0) + NOISE else []
    if isinstance(old, dict) and isinstance(new, dict):
        found = [f"{where}.{key}: only on one side" for key in old.keys() ^ new.keys()]
        for key in old.keys() & new.keys():
            found += differences(old[key], new[key], tolerance, f"{where}.{key}")
        return found
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new))
        return [line for i, (a, b) in pairs for line in differences(a, b, tolerance, f"{where}[{i}]")]
    close = type(old) is type(new) is float and abs(old - new) <= tolerance * abs(old)
    return [] if old == new or close else [f"{where}: {old!r}, now {new!r}"]


# ---- layers ---------------------------------------------------------------------------------------------------------


class LayerNorm(nn.LayerNorm):
    """1.13 has no `bias` argument."""

    def __init__(self, shape, eps=1e-5, elementwise_affine=True, bias=True):
        super().__init__(shape, eps, elementwise_affine)
        if not bias:
            self.bias = None


MODULES = {
    "batchNorm1d": nn.BatchNorm1d,
    "batchNorm2d": nn.BatchNorm2d,
    "layerNorm": LayerNorm,
    "groupNorm": nn.GroupNorm,
}
SNAKE = {"elementwiseAffine": "elementwise_affine", "trackRunningStats": "track_running_stats"}


def normal(shape, generator):
    """From NumPy: torch.randn gives other values on processors with other vector units."""
    return torch.from_numpy(generator.standard_normal(shape, np.float32))


def constant_channel(shape, generator):
    """Channel 1 holds one value, so that its variance is zero."""
    x = normal(shape, generator)
    x[:, 1] = 3.7
    return x


def constant_row(shape, generator):
    x = normal(shape, generator)
    x[1] = -0.3
    return x


# Inputs on which a variance of E[x²] - E[x]², or sums in float32, fail.
INPUTS = {
    "normal": normal,
    "shifted": lambda shape, generator: 2 * normal(shape, generator) - 3,
    "far": lambda shape, generator: 1e4 + normal(shape, generator),
    "huge": lambda shape, generator: 1e18 * normal(shape, generator),
    "denormal": lambda shape, generator: 1e-39 * normal(shape, generator),
    "constant channel": constant_channel,
    "constant row": constant_row,
    "whole": lambda shape, generator: torch.from_numpy(generator.integers(1, 10, shape).astype(np.float32)),
}

TRAIN4 = ["train", "train", "train", "train", "eval"]
ONCE = ["train", "eval"]


def layer_cases():
    """(type, arguments, options, shape, input, modes of the consecutive passes)"""
    for shape in [(6, 5), (2, 7), (33, 9), (4, 8), (4, 5, 3), (1, 3, 5), (3, 2, 8)]:
        yield "batchNorm1d", [shape[1]], {}, shape, "shifted", TRAIN4
    for momentum in [0, 0.3, 1, None, -1.2]:
        yield "batchNorm1d", [5], {"momentum": momentum}, (4, 5, 3), "shifted", TRAIN4
    yield "batchNorm1d", [3], {"eps": 1e-3, "affine": False}, (4, 3), "normal", TRAIN4
    untracked = {"eps": 1e-3, "momentum": 0.3, "trackRunningStats": False}
    yield "batchNorm1d", [3], untracked, (4, 3), "normal", ["train", "eval", "train"]
    for shape in [
        (2, 3, 3, 5), (1, 5, 3, 3), (4, 1, 2, 2), (3, 6, 1, 1), (2, 9, 7, 1), (5, 2, 9, 11), (2, 4, 4, 4), (1, 2, 1, 2),
    ]:
        yield "batchNorm2d", [shape[1]], {}, shape, "shifted", TRAIN4
    for momentum in [0, 1, None]:
        yield "batchNorm2d", [3], {"momentum": momentum, "eps": 0.5}, (2, 3, 5, 3), "whole", TRAIN4
    yield "batchNorm2d", [3], {"affine": False, "trackRunningStats": False}, (2, 3, 3, 3), "normal", ["train", "eval"]
    yield "batchNorm2d", [3], {"affine": False}, (2, 3, 3, 3), "normal", TRAIN4
    yield "batchNorm2d", [3], {"momentum": None}, (2, 3, 3, 3), "normal", ["train", "eval", "train", "train", "eval"]
    for kind in ["far", "huge", "denormal", "constant channel"]:
        yield "batchNorm1d", [6], {}, (9, 6), kind, ONCE
        yield "batchNorm2d", [3], {}, (3, 3, 5, 7), kind, ONCE

    for normalized, shape in [
        ([5], (4, 5)), ([1], (3, 1)), ([17], (6, 17)), ([8], (2, 8)), ([5], (2, 3, 5)), ([3, 5], (2, 4, 3, 5)),
        ([4, 3, 3], (2, 4, 3, 3)), ([2, 3, 5], (2, 3, 5)), ([7], (1, 2, 3, 1, 7)), ([130], (3, 130)),
    ]:
        yield "layerNorm", [normalized], {}, shape, "shifted", ONCE
    plain = {"elementwiseAffine": False}
    for options in [plain, {"bias": False}, {"eps": 0.5}, {"eps": 1e-3, **plain}]:
        yield "layerNorm", [[7]], options, (5, 7), "normal", ONCE
        yield "layerNorm", [[3, 3]], options, (4, 2, 3, 3), "whole", ONCE
    for kind in ["far", "huge", "denormal", "constant row"]:
        yield "layerNorm", [[13]], {}, (4, 13), kind, ONCE

    for groups, shape in [
        (2, (1, 2, 3, 4)), (3, (2, 3, 10)), (3, (2, 6, 4, 2, 2)), (32, (1, 256, 1, 1)), (3, (4, 12)), (1, (20, 6)),
        (3, (2, 9, 7, 5)), (1, (3, 5, 3, 3)), (5, (3, 5, 3, 3)), (2, (1, 4, 1, 1)), (2, (3, 4, 4, 4)),
    ]:
        yield "groupNorm", [groups, shape[1]], {}, shape, "shifted", ONCE
    for options in [{"affine": False}, {"eps": 0.5}, {"eps": 1e-3, "affine": False}]:
        yield "groupNorm", [2, 6], options, (3, 6, 5), "whole", ONCE
    for kind in ["far", "huge", "denormal", "constant row"]:
        yield "groupNorm", [2, 6], {}, (3, 6, 3, 5), kind, ONCE


def statistics(kind, module, arguments, x, mode):
    """Mean and 1 / sqrt(var + eps) of one pass, one of each per channel, row or group."""
    if kind.startswith("batchNorm"):
        if mode == "eval" and module.track_running_stats:
            return module.running_mean, (module.running_var + module.eps).rsqrt()
        rows = x.transpose(0, 1).reshape(x.shape[1], -1)
    elif kind == "layerNorm":
        rows = x.reshape(-1, int(np.prod(arguments[0])))
    else:
        rows = x.reshape(x.shape[0] * arguments[0], -1)
    return rows.mean(1), (rows.var(1, unbiased=False) + module.eps).rsqrt()


def make_layer(index, kind, arguments, options, shape, inputs, modes):
    """All passes of one layer. The float32 inputs go through PyTorch in float64, which is taken for the truth."""
    generator = np.random.default_rng(index)
    module = MODULES[kind](*arguments, **{SNAKE.get(name, name): value for name, value in options.items()}).double()
    initial = {}
    for name, parameter in module.named_parameters():
        value = normal(parameter.shape, generator) + (1 if name == "weight" else 0)
        parameter.data.copy_(value)
        initial[name] = pack(value)
    runs = []
    for mode in modes:
        module.train(mode == "train")
        x = INPUTS[inputs](shape, generator)
        dy = normal(shape, generator)
        exact = x.double().requires_grad_()
        module.zero_grad()
        mean, invstd = statistics(kind, module, arguments, x.double(), mode)
        run = {"mode": mode, "x": pack(x), "dy": pack(dy), "mean": pack(mean), "invstd": pack(invstd)}
        y = module(exact)
        y.backward(dy.double())
        run |= {"y": pack(y), "dx": pack(exact.grad)}
        run |= {f"d{name}": pack(parameter.grad) for name, parameter in module.named_parameters()}
        for name, buffer in module.named_buffers():
            run[name] = buffer.item() if name == "num_batches_tracked" else pack(buffer)
        runs.append(run)
    name = f"{kind}({', '.join(map(str, arguments))}) {json.dumps(options)} on {list(shape)}, {inputs}"
    return {"name": name, "type": kind, "arguments": arguments, "options": options, "state": initial, "runs": runs}


def layers():
    cases = [make_layer(index, *case) for index, case in enumerate(layer_cases())]
    return document(
        "Normalization layers: forward, backward and running statistics. Inputs float32, results computed in float64.",
        {"cases": cases},
    )


# ---- training traces ------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def build(layers, shape):
    """Layer specs as nn.Sequential, and the shape that it ends in; a layer's name takes the place of its number."""
    sequential = nn.Sequential()
    for index, layer in enumerate(layers):
        options = {key: value for key, value in layer.items() if key not in ("type", "name")}
        kind = layer["type"]
        if kind == "conv2d":
            module = nn.Conv2d(shape[0], options["outChannels"], options["kernelSize"], options.get("stride", 1),
                               options.get("padding", 0), bias=options.get("bias", True))
        elif kind == "linear":
            module = nn.Linear(shape[0], options["outFeatures"], bias=options.get("bias", True))
        elif kind == "batchNorm":
            module = (nn.BatchNorm1d if len(shape) < 3 else nn.BatchNorm2d)(shape[0], **options)
        elif kind == "layerNorm":
            module = nn.LayerNorm(shape)
        elif kind == "groupNorm":
            module = nn.GroupNorm(options["numGroups"], shape[0])
        elif kind == "maxPool2d":
            module = nn.MaxPool2d(options["kernelSize"], options.get("stride"), options.get("padding", 0))
        elif kind == "avgPool2d":
            module = nn.AvgPool2d(options["kernelSize"], options.get("stride"), options.get("padding", 0))
        elif kind == "globalAvgPool2d":
            module = nn.AdaptiveAvgPool2d(1)
        elif kind == "flatten":
            module = nn.Flatten()
        elif kind == "residual":
            module = Residual(build(options["body"], shape)[0], build(options["shortcut"], shape)[0])
        else:
            module = ACTIVATIONS[kind]()
        sequential.add_module(layer.get("name", str(index)), module)
        shape = list(module.eval()(torch.zeros(1, *shape)).shape[1:])
    return sequential.train(), shape


def conv(channels, **options):
    return {"type": "conv2d", "outChannels": channels, "kernelSize": 3, "padding": 1, **options}


RELU = {"type": "relu"}
POOL = {"type": "maxPool2d", "kernelSize": 2}
BATCH = {"type": "batchNorm"}


def cnn(*norm, activation="relu", pool="maxPool2d"):
    act, shrink = {"type": activation}, {"type": pool, "kernelSize": 2}
    return {
        "input": [1, 12, 12],
        "layers": [conv(6), *norm, act, shrink, conv(10, bias=False), *norm, act, shrink, {"type": "flatten"},
                   {"type": "linear", "outFeatures": 10}],
    }


MODELS = {
    "cnn batchNorm": cnn(BATCH),
    "cnn groupNorm": cnn({"type": "groupNorm", "numGroups": 2}),
    "cnn layerNorm": cnn({"type": "layerNorm"}),
    "cnn none": cnn(),
    "cnn gelu": cnn({"type": "batchNorm", "momentum": None}, activation="gelu", pool="avgPool2d"),
    "mlp batchNorm": {
        "input": [19],
        "layers": [{"type": "linear", "outFeatures": 14, "name": "first"}, {**BATCH, "name": "norm"}, RELU,
                   {"type": "linear", "outFeatures": 9, "bias": False}, BATCH, {"type": "tanh"},
                   {"type": "linear", "outFeatures": 7}, {"type": "sigmoid"}, {"type": "linear", "outFeatures": 10}],
    },
    "resnet": {
        "input": [1, 12, 12],
        "layers": [
            conv(4, bias=False), BATCH, RELU, POOL,
            {"type": "residual",
             "body": [conv(8, stride=2, bias=False), BATCH, RELU, conv(8, bias=False), BATCH],
             "shortcut": [conv(8, kernelSize=1, padding=0, stride=2, bias=False), BATCH]},
            RELU,
            {"type": "residual", "body": [conv(8), BATCH], "shortcut": []},
            RELU, {"type": "globalAvgPool2d"}, {"type": "flatten"}, {"type": "linear", "outFeatures": 10},
        ],
    },
}

PLAIN = {"lr": 0.05}
MOMENTUM = {"lr": 0.02, "momentum": 0.9, "weightDecay": 1e-4}
NESTEROV = {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weightDecay": 5e-4}
DAMPENED = {"lr": 0.05, "momentum": 0.9, "dampening": 0.3}

TRACES = [
    *product(["cnn batchNorm", "cnn groupNorm"], [PLAIN, MOMENTUM, NESTEROV, DAMPENED]),
    *product(["cnn layerNorm", "cnn none", "cnn gelu"], [PLAIN, MOMENTUM]),
    *product(["mlp batchNorm", "resnet"], [PLAIN, NESTEROV]),
]

STEPS, BATCH_SIZE = 10, 8


def batches(shape, seed):
    """Ten batches in which a label shows, faintly, as a pattern of its own."""
    generator = np.random.default_rng(seed)
    patterns = normal((10, *shape), generator)
    labels = torch.from_numpy(generator.integers(0, 10, (STEPS, BATCH_SIZE)))
    x = 0.5 * patterns[labels] + normal((STEPS, BATCH_SIZE, *shape), generator)
    return x, labels


def train(model, optimizer, x, labels):
    sgd = torch.optim.SGD(model.parameters(), lr=optimizer["lr"], momentum=optimizer.get("momentum", 0),
                          dampening=optimizer.get("dampening", 0), weight_decay=optimizer.get("weightDecay", 0),
                          nesterov=optimizer.get("nesterov", False))
    losses, hits = [], []
    for step in range(STEPS):
        sgd.zero_grad()
        logits = model(x[step])
        loss = F.cross_entropy(logits, labels[step])
        loss.backward()
        sgd.step()
        losses.append(loss.item())
        hits.append(int((logits.argmax(1) == labels[step]).sum()))
    return losses, hits


def copy_of(spec, state, dtype):
    model = build(spec["layers"], spec["input"])[0].to(dtype)
    model.load_state_dict(state)
    return model


def pack_state(state):
    return {key: value.item() if value.dim() == 0 else pack(value) for key, value in state.items()}


def make_gradients(spec, state, x, labels):
    """Loss and all gradients of one batch, in both modes, in float64."""
    modes = {}
    for mode in ["train", "eval"]:
        model = copy_of(spec, state, torch.float64).train(mode == "train")
        exact = x.double().requires_grad_()
        logits = model(exact)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        grads = {key: pack(parameter.grad) for key, parameter in model.named_parameters()}
        modes[mode] = {"loss": loss.item(), "logits": pack(logits), "input": pack(exact.grad), "grads": grads}
    return modes


def make_trace(name, spec, optimizer, state, x, labels):
    model = copy_of(spec, state, torch.float32)
    losses, hits = train(model, optimizer, x, labels)
    # A trace is a test only where rounding does not change its course, as it would at a tie of a max or relu.
    exact = copy_of(spec, state, torch.float64)
    exact_losses, _ = train(exact, optimizer, x.double(), labels)
    drift = max(abs(a - b) for a, b in zip(losses, exact_losses))
    spread = max(((a.double() - b).abs().max() / b.abs().max()).item()
                 for a, b in zip(model.state_dict().values(), exact.state_dict().values()) if b.dim() > 0)
    if drift > 3e-6 or spread > 1e-5:
        far = f"{drift:g} in loss, {spread:g} in state"
        sys.exit(f"{name}, {optimizer}: float32 is {far} from float64; take another seed")
    with torch.no_grad():
        logits = model.eval()(x[0])
    return {"model": name, "optimizer": optimizer, "losses": losses, "hits": hits,
            "final": pack_state(model.state_dict()), "evalLogits": pack(logits)}


def traces():
    data = {"12x12": batches((1, 12, 12), 41), "19": batches((19,), 42)}
    models, found = [], []
    states = {}
    for index, (name, spec) in enumerate(MODELS.items()):
        torch.manual_seed(100 + index)
        model, shape = build(spec["layers"], spec["input"])
        assert shape == [10]
        # Normalization starts at weight 1, bias 0, mean 0, variance 1; other values show more.
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.3, 0.3)
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                nn.init.uniform_(module.running_mean, -0.2, 0.2)
                nn.init.uniform_(module.running_var, 0.5, 1.5)
        states[name] = {key: value.clone() for key, value in model.state_dict().items()}
        batch = "19" if spec["input"] == [19] else "12x12"
        x, labels = data[batch]
        gradients = make_gradients(spec, states[name], x[0][:3], labels[0][:3])
        initial = pack_state(states[name])
        models.append({"name": name, "spec": spec, "batches": batch, "initial": initial, "gradients": gradients})
    for name, optimizer in TRACES:
        x, labels = data["19" if MODELS[name]["input"] == [19] else "12x12"]
        found.append(make_trace(name, MODELS[name], optimizer, states[name], x, labels))
    return document(
        f"{STEPS} steps of SGD in float32, batches of {BATCH_SIZE}: losses, hits and the state after them; evalLogits: the "
        "first batch in eval mode, then. gradients: those of the first three samples of the first batch at the initial "
        "state, in float64.",
        {
            "batches": {key: {"x": pack(x), "labels": pack(labels)} for key, (x, labels) in data.items()},
            "models": models,
            "traces": found,
        },
    )


# ---------------------------------------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    check = parser.parse_args().check
    failed = False
    for name, make in {"layers.json": layers, "traces.json": traces}.items():
        path, text = HERE / name, make()
        if not check:
            path.write_text(text)
            print(f"{name}: {len(text)} bytes")
            continue
        old = path.read_text()
        found = [] if old == text else differences(json.loads(old), json.loads(text), TOLERANCE[name])
        for line in found[:20]:
            print(f"{name}{line}")
        same = "equal" if old == text else "equal within rounding"
        print(f"{name}: {f'{len(found)} differences' if found else same}")
        failed |= bool(found)
    sys.exit(failed)


if __name__ == "__main__":
    main()
