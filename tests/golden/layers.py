"""Normalization layers, pass by pass: a golden file for each kind of layer, and one for large inputs."""

import json

import numpy as np
import torch
from torch import nn

import recipe
from files import document, pack, sample
from layer_cases import GROUPS

# Beyond so many values a tensor is kept as a sample.
LARGE = 2000


class RMSNorm(nn.Module):
    """
    torch.nn.RMSNorm, which 1.13 does not have, by the formula of its documentation; eps is that of float32 where none is
    given: https://pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html
    """

    def __init__(self, shape, eps=None, elementwise_affine=True):
        super().__init__()
        self.dims = tuple(range(-len(shape), 0))
        self.eps = torch.finfo(torch.float32).eps if eps is None else eps
        self.weight = nn.Parameter(torch.ones(shape)) if elementwise_affine else None

    def forward(self, x):
        y = x * torch.rsqrt((x * x).mean(self.dims, keepdim=True) + self.eps)
        return y if self.weight is None else y * self.weight


class BatchRenorm(nn.modules.batchnorm._BatchNorm):
    """Batch Renormalization by Algorithm 1 of https://arxiv.org/abs/1702.03275, in which autograd sees r and d as constants."""

    def __init__(self, features, r_max=3.0, d_max=5.0, **options):
        super().__init__(features, **options)
        self.r_max, self.d_max = r_max, d_max

    def _check_input_dim(self, x):
        pass

    def forward(self, x):
        if not self.training or not x.numel():
            return super().forward(x)
        dims, shape = [0, *range(2, x.dim())], [1, -1, *[1] * (x.dim() - 2)]
        mean, variance = x.mean(dims), x.var(dims, unbiased=False)
        deviation, running = (variance + self.eps).sqrt(), (self.running_var + self.eps).sqrt()
        with torch.no_grad():
            r = (deviation / running).clamp(1 / self.r_max, self.r_max)
            d = ((mean - self.running_mean) / running).clamp(-self.d_max, self.d_max)
            self.num_batches_tracked += 1
            share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
            self.running_mean = (1 - share) * self.running_mean + share * mean
            self.running_var = (1 - share) * self.running_var + share * x.var(dims, unbiased=True)
        y = (x - mean.view(shape)) / deviation.view(shape) * r.view(shape) + d.view(shape)
        if self.affine:
            y = y * self.weight.view(shape)
        return y if self.bias is None else y + self.bias.view(shape)


MODULES = {
    **{f"batchNorm{d}d": getattr(nn, f"BatchNorm{d}d") for d in (1, 2, 3)},
    **{f"instanceNorm{d}d": getattr(nn, f"InstanceNorm{d}d") for d in (1, 2, 3)},
    **{f"batchRenorm{d}d": BatchRenorm for d in (1, 2, 3)},
    "layerNorm": nn.LayerNorm,
    "groupNorm": nn.GroupNorm,
    "rmsNorm": RMSNorm,
}
SNAKE = {"elementwiseAffine": "elementwise_affine", "trackRunningStats": "track_running_stats",
         "rMax": "r_max", "dMax": "d_max"}
# 1.13 has no such arguments: the first is taken from the module afterwards, the second computed here.
NOT_IN_1_13 = {"bias", "runningVar"}


def make_module(kind, arguments, options):
    known = {SNAKE.get(name, name): value for name, value in options.items() if name not in NOT_IN_1_13}
    module = MODULES[kind](*arguments, **known).double()
    if not options.get("bias", True):
        module.bias = None
    return module


# ---- inputs ---------------------------------------------------------------------------------------------------------


def by_recipe(scale, shift=0):
    def make(shape, seed):
        data = recipe.values(seed, scale, shift, int(np.prod(shape)))
        kept = {"recipe": {"seed": seed, "scale": scale, "shift": shift}, "shape": list(shape)}
        return torch.from_numpy(data).reshape(shape), kept

    return make


def changed(change, scale=1, shift=0):
    """Numbers by recipe that `change` then writes into; kept whole."""

    def make(shape, seed):
        x, _ = by_recipe(scale, shift)(shape, seed)
        change(x)
        return x, pack(x)

    return make


def channel_one(value):
    def change(x):
        x[:, 1] = value

    return change


def row_one(value):
    def change(x):
        x[1] = value

    return change


def poison(x):
    x.view(-1)[x.numel() // 3] = float("nan")


def stand_out(x):
    x.view(-1)[x.numel() // 3] = 1e6


def spread(x):
    """Neighbouring channels a million times apart."""
    x.copy_(x * 10.0 ** (6 * (torch.arange(x.shape[1]) % 3 - 1)).reshape(-1, *[1] * (x.dim() - 2)))


def quantize(x):
    """Small whole numbers: many equal values."""
    x.copy_(torch.round(2 * x + 5))


INPUTS = {
    "normal": by_recipe(1),
    "shifted": by_recipe(2, -3),
    "far": by_recipe(1, 1e4),
    "hundred": by_recipe(0.01, 100),
    "huge": by_recipe(1e18),
    "denormal": by_recipe(1e-39),
    # Of float32's neighbours of 1, far below any eps.
    "tiny variance": by_recipe(1e-6, 1),
    "zeros": by_recipe(0),
    "outlier": changed(stand_out),
    "mixed scales": changed(spread),
    "constant channel": changed(channel_one(3.7)),
    "constant row": changed(row_one(-0.3)),
    "whole": changed(quantize),
    "nan": changed(poison),
}


# ---- passes ---------------------------------------------------------------------------------------------------------


def rows_of(kind, arguments, x):
    """x with one row for each mean and variance."""
    if kind.startswith("batch"):
        return x.transpose(0, 1).reshape(x.shape[1], -1)
    if kind.startswith("instanceNorm"):
        unbatched = x.dim() == int(kind[-2]) + 1
        return x.reshape(int(np.prod(x.shape[: 1 if unbatched else 2])), -1)
    if kind == "groupNorm":
        return x.reshape(x.shape[0] * arguments[0], -1)
    return x.reshape(-1, int(np.prod(arguments[0])))


def statistics(kind, arguments, module, x, mode):
    """Mean and 1 / sqrt(var + eps) of one pass; none where var and eps are 0."""
    if mode == "eval" and getattr(module, "track_running_stats", False):
        return module.running_mean.clone(), (module.running_var + module.eps).rsqrt()
    rows = rows_of(kind, arguments, x)
    if kind == "rmsNorm":
        return torch.zeros(len(rows), dtype=torch.float64), ((rows * rows).mean(1) + module.eps).rsqrt()
    variance = rows.var(1, unbiased=False) + module.eps
    return rows.mean(1), torch.where(variance == 0, variance, variance.rsqrt())


def keep_biased(module, before, x):
    """running_var as Keras has it: the variance that normalized the batch, whose divisor is m."""
    momentum = module.momentum if module.momentum is not None else 1 / module.num_batches_tracked.item()
    variance = x.transpose(0, 1).reshape(x.shape[1], -1).var(1, unbiased=False)
    # Another tensor: the backward pass still has the old one.
    module.running_var = (1 - momentum) * before + momentum * variance


def make_pass(module, case, mode, shape, inputs, seed):
    """The float32 inputs go through PyTorch in float64, which is taken for the truth."""
    kind, arguments = case["kind"], case["arguments"]
    module.train(mode == "train")
    x, kept_x = INPUTS[inputs](shape, seed)
    dy, kept_dy = INPUTS["normal"](shape, seed ^ 0x55555555)
    exact = x.double().requires_grad_()
    run = {"mode": mode, "x": kept_x, "dy": kept_dy}
    # The statistics of nothing are not looked at.
    if x.numel():
        mean, invstd = statistics(kind, arguments, module, x.double(), mode)
        run |= {"mean": pack(mean), "invstd": pack(invstd)}
    before = module.running_var.clone() if "running_var" in dict(module.named_buffers()) else None
    module.zero_grad()
    y = module(exact)
    if case["options"].get("runningVar") == "biased" and mode == "train" and x.numel():
        keep_biased(module, before, x.double())
    y.backward(dy.double())
    keep = sample if x.numel() > LARGE else pack
    run |= {"y": keep(y), "dx": keep(exact.grad)}
    for name, parameter in module.named_parameters():
        grad = parameter.grad
        run[f"d{name}"] = sample(grad) if grad.numel() > LARGE else pack(grad)
    for name, buffer in module.named_buffers():
        run[name] = buffer.item() if name == "num_batches_tracked" else pack(buffer)
    return run


def name_of(case):
    arguments = ", ".join(map(str, case["arguments"]))
    shapes = [list(shape) for shape in case["shapes"]]
    same = all(shape == shapes[0] for shape in shapes) and all(name == case["inputs"][0] for name in case["inputs"])
    places = [f"{shape} {name}" for shape, name in zip(shapes, case["inputs"])]
    on = places[0] if same else "; ".join(places)
    options = json.dumps(case["options"])
    given = " from given statistics" if case["state"] else ""
    return f"{case['kind']}({arguments}) {options} on {on}, {case['modes']}{given}"


def make_layer(case):
    """All passes of one layer."""
    name = name_of(case)
    seed = recipe.seed_of(name)
    module = make_module(case["kind"], case["arguments"], case["options"])
    initial = {}
    for index, (key, parameter) in enumerate(module.named_parameters()):
        value, kept = by_recipe(1, 1 if key == "weight" else 0)(tuple(parameter.shape), seed + 1 + index)
        parameter.data.copy_(value)
        initial[key] = kept
    for key, value in case["state"].items():
        # Statistics are float32 here as there.
        given = torch.tensor(value, dtype=torch.int64 if key == "num_batches_tracked" else torch.float32)
        module.state_dict()[key].copy_(given)
        initial[key] = given.item() if given.dim() == 0 else pack(given)
    passes = zip(case["modes"], case["shapes"], case["inputs"])
    runs = [
        make_pass(module, case, {"T": "train", "E": "eval"}[mode], shape, inputs, (seed + 101 * index + 7) % 2**32)
        for index, (mode, shape, inputs) in enumerate(passes)
    ]
    about = {key: case[key] for key in ("arguments", "options")}
    return {"name": name, "type": case["kind"], **about, "state": initial, "runs": runs}


def layers(group):
    cases = [make_layer(case) for case in GROUPS[group]()]
    names = [case["name"] for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"{group}: twice: {twice}"
    return document(
        f"{group}: consecutive passes of normalization layers, forward and backward, and the running statistics after "
        "each. Inputs float32, results computed in float64.",
        {"cases": cases},
    )
