"""Ten steps of every optimizer on small models, and gradients of these: traces.json."""

import sys
from itertools import product

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from files import document, pack
from layers import SNAKE, BatchRenorm, RMSNorm


def normal(shape, generator):
    """From NumPy: torch.randn gives other values on processors with other vector units."""
    return torch.from_numpy(generator.standard_normal(shape, np.float32))


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class StandardizedConv2d(nn.Conv2d):
    """Weight Standardization, https://arxiv.org/abs/1903.10520."""

    def forward(self, x):
        rows = self.weight.flatten(1)
        variance, mean = torch.var_mean(rows, 1, unbiased=False, keepdim=True)
        weight = ((rows - mean) / (variance + 1e-5).sqrt()).view_as(self.weight)
        return self._conv_forward(x, weight, self.bias)


ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def build(layers, shape):
    """Layer specs as nn.Sequential, and the shape that it ends in; a layer's name takes the place of its number."""
    sequential = nn.Sequential()
    for index, layer in enumerate(layers):
        options = {key: value for key, value in layer.items() if key not in ("type", "name")}
        kind = layer["type"]
        if kind == "conv2d":
            module = (StandardizedConv2d if options.get("weightStandardization") else nn.Conv2d)(
                               shape[0], options["outChannels"], options["kernelSize"], options.get("stride", 1),
                               options.get("padding", 0), bias=options.get("bias", True))
        elif kind == "linear":
            module = nn.Linear(shape[0], options["outFeatures"], bias=options.get("bias", True))
        elif kind == "batchNorm":
            module = (nn.BatchNorm1d if len(shape) < 3 else nn.BatchNorm2d)(shape[0], **options)
        elif kind == "batchRenorm":
            module = BatchRenorm(shape[0], **{SNAKE.get(key, key): value for key, value in options.items()})
        elif kind == "layerNorm":
            module = nn.LayerNorm(shape)
        elif kind == "groupNorm":
            module = nn.GroupNorm(options["numGroups"], shape[0])
        elif kind == "instanceNorm":
            module = nn.InstanceNorm2d(shape[0], **{SNAKE.get(key, key): value for key, value in options.items()})
        elif kind == "rmsNorm":
            module = RMSNorm(shape)
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


def cnn(*norm, activation="relu", pool="maxPool2d", **options):
    act, shrink = {"type": activation}, {"type": pool, "kernelSize": 2}
    return {
        "input": [1, 12, 12],
        "layers": [conv(6, **options), *norm, act, shrink, conv(10, bias=False, **options), *norm, act, shrink, {"type": "flatten"},
                   {"type": "linear", "outFeatures": 10}],
    }


MODELS = {
    "cnn batchNorm": cnn(BATCH),
    "cnn batchRenorm": cnn({"type": "batchRenorm"}),
    "cnn clipped batchRenorm": cnn({"type": "batchRenorm", "rMax": 1.1, "dMax": 0.1, "momentum": 0.02}),
    "cnn groupNorm": cnn({"type": "groupNorm", "numGroups": 2}),
    "cnn standardized groupNorm": cnn({"type": "groupNorm", "numGroups": 2}, weightStandardization=True),
    "cnn standardized batchNorm": cnn(BATCH, weightStandardization=True),
    "cnn layerNorm": cnn({"type": "layerNorm"}),
    "cnn instanceNorm": cnn({"type": "instanceNorm", "affine": True, "trackRunningStats": True}),
    "cnn rmsNorm": cnn({"type": "rmsNorm"}),
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

SEEDS = {
    "cnn batchNorm": 100, "cnn groupNorm": 101, "cnn layerNorm": 102, "cnn instanceNorm": 107, "cnn rmsNorm": 108,
    "cnn none": 103, "cnn gelu": 104, "mlp batchNorm": 105, "resnet": 106,
    "cnn batchRenorm": 109, "cnn clipped batchRenorm": 110,
    "cnn standardized groupNorm": 111, "cnn standardized batchNorm": 112,
}

PLAIN = {"lr": 0.05}
MOMENTUM = {"lr": 0.02, "momentum": 0.9, "weightDecay": 1e-4}
NESTEROV = {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weightDecay": 5e-4}
DAMPENED = {"lr": 0.05, "momentum": 0.9, "dampening": 0.3}

# A bias before BatchNorm has no gradient but rounding, which Adam would bring to full size: eps keeps it small.
ADAM = {"type": "adam", "lr": 0.003, "eps": 1e-3, "weightDecay": 0.01}
ADAMW = {"type": "adamW", "lr": 0.003, "eps": 1e-3, "weightDecay": 0.1, "betas": [0.8, 0.99]}
AMSGRAD = {"type": "adamW", "lr": 0.003, "eps": 1e-3, "amsgrad": True}
DEFAULTS = {"type": "adam"}

COSINE = {"schedule": {"type": "cosine", "steps": 10, "warmup": 3, "etaMin": 0.001}}
STEP = {"schedule": {"type": "step", "stepSize": 3, "gamma": 0.5}}
LINEAR = {"schedule": {"type": "linear", "steps": 10, "endFactor": 0.1}, "labelSmoothing": 0.1}
CLIPPED = {"clipGradNorm": 0.5, "decayNorms": False}
BARE = {"decayNorms": False, "decayBiases": False}
PARTS = [{"replicas": 2}, {"replicas": 3}, {"replicas": 3, "syncBatchNorm": True}, {"accumulate": 3}, {"ghostBatch": 3}]
HEAVY = {"lr": 0.02, "momentum": 0.9, "weightDecay": 0.2}

TRACES = [
    *product(["cnn batchNorm", "cnn groupNorm"], [PLAIN, MOMENTUM, NESTEROV, DAMPENED], [{}]),
    *product(["cnn layerNorm", "cnn none", "cnn gelu"], [PLAIN, MOMENTUM], [{}]),
    *product(["cnn instanceNorm", "cnn rmsNorm"], [MOMENTUM], [{}]),
    *product(["mlp batchNorm", "resnet"], [PLAIN, NESTEROV], [{}]),
    *product(["cnn batchNorm", "cnn groupNorm", "cnn layerNorm", "mlp batchNorm", "resnet"], [ADAM, ADAMW], [{}]),
    *product(["cnn groupNorm", "resnet"], [AMSGRAD], [{}]),
    ("cnn layerNorm", DEFAULTS, {}),
    ("cnn layerNorm", MOMENTUM, {"clipGradNorm": 1, "labelSmoothing": 0.2}),
    *product(["cnn batchNorm"], [MOMENTUM], [COSINE, STEP, LINEAR]),
    ("cnn batchNorm", HEAVY, CLIPPED),
    *product(["mlp batchNorm"], [HEAVY, ADAMW], [BARE]),
    *product(["cnn batchNorm"], [MOMENTUM], PARTS),
    ("resnet", MOMENTUM, {"replicas": 2, "accumulate": 2}),
    ("cnn gelu", MOMENTUM, {"ghostBatch": 4}),
    *product(["cnn batchRenorm", "cnn clipped batchRenorm"], [MOMENTUM], [{}]),
    *product(["cnn batchRenorm"], [MOMENTUM], [{"replicas": 2}, {"replicas": 3, "syncBatchNorm": True}, {"accumulate": 3}]),
    ("cnn batchRenorm", HEAVY, BARE),
    *product(["cnn standardized groupNorm"], [PLAIN, MOMENTUM, ADAM, ADAMW], [{}]),
    ("cnn standardized groupNorm", MOMENTUM, {"accumulate": 3}),
    ("cnn standardized batchNorm", MOMENTUM, {}),
]

TRACKING = (nn.BatchNorm1d, nn.BatchNorm2d, BatchRenorm, nn.InstanceNorm2d)
STEPS, BATCH_SIZE = 10, 8


def batches(shape, seed):
    """Ten batches in which a label shows, faintly, as a pattern of its own."""
    generator = np.random.default_rng(seed)
    patterns = normal((10, *shape), generator)
    labels = torch.from_numpy(generator.integers(0, 10, (STEPS, BATCH_SIZE)))
    x = 0.5 * patterns[labels] + normal((STEPS, BATCH_SIZE, *shape), generator)
    return x, labels


OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamW": torch.optim.AdamW}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, BatchRenorm, nn.InstanceNorm2d, nn.LayerNorm, nn.GroupNorm, RMSNorm)


def make_optimizer(model, optimizer, options):
    """Of torch.optim; what weight decay is not to act on is a group of its own."""
    given = {SNAKE.get(key, key): value for key, value in optimizer.items() if key not in ("type", "weightDecay")}
    if "weightDecay" in optimizer:
        given["weight_decay"] = optimizer["weightDecay"]
    groups = [], []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            decays = options.get("decayNorms", True) if isinstance(module, NORMS) else \
                name == "weight" or options.get("decayBiases", True)
            groups[not decays].append(parameter)
    groups = [{"params": groups[0]}, {"params": groups[1], "weight_decay": 0}]
    return OPTIMIZERS[optimizer.get("type", "sgd")]([group for group in groups if group["params"]],
                                                    **{"lr": 1e-3, **given})


def make_schedule(optimizer, schedule):
    """Of torch.optim.lr_scheduler, stepping after every batch; warm-up is a factor (t + 1) / warmup."""
    kind, warmup = schedule.get("type", "constant"), schedule.get("warmup", 0)
    rest = schedule.get("steps", 0) - warmup
    if kind == "cosine":
        main = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, rest, schedule["etaMin"])
    elif kind == "step":
        main = torch.optim.lr_scheduler.StepLR(optimizer, schedule["stepSize"], schedule["gamma"])
    elif kind == "linear":
        main = torch.optim.lr_scheduler.LinearLR(optimizer, 1, schedule["endFactor"], rest)
    else:
        main = torch.optim.lr_scheduler.ConstantLR(optimizer, 1)
    if warmup == 0:
        return main
    rise = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (step + 1) / warmup)
    return torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, main], [warmup])


def split(start, stop, parts):
    """As nearly equal as can be; of fewer samples than parts some are left out."""
    edges = [start + (stop - start) * i // parts for i in range(parts + 1)]
    return [(a, b) for a, b in zip(edges, edges[1:]) if b > a]


def parts_of(n, options):
    """(from, to, whether running statistics move) of what a batch of n is passed in."""
    found = []
    shards = 1 if options.get("syncBatchNorm") else options.get("replicas", 1)
    for number, (start, stop) in enumerate(split(0, n, shards)):
        ghost = options.get("ghostBatch")
        parts = options.get("accumulate", 1) if ghost is None else -(-(stop - start) // ghost)
        found += [(a, b, number == 0) for a, b in split(start, stop, parts)]
    return found


def pass_batch(model, options, x, labels):
    """Loss and logits of a batch; gradients and running statistics are left in the model."""
    total, rows = 0, []
    for start, stop, moves in parts_of(len(x), options):
        kept = None if moves else {key: value.clone() for key, value in model.named_buffers()}
        logits = model(x[start:stop])
        if kept:
            for key, value in model.named_buffers():
                value.data.copy_(kept[key])
        loss = F.cross_entropy(logits, labels[start:stop], label_smoothing=options.get("labelSmoothing", 0.0))
        loss = loss * ((stop - start) / len(x))
        loss.backward()
        total += loss.item()
        rows.append(logits.detach())
    return total, torch.cat(rows)


def train(model, optimizer, options, x, labels):
    torch_optimizer = make_optimizer(model, optimizer, options)
    schedule = make_schedule(torch_optimizer, options.get("schedule", {}))
    losses, hits = [], []
    for step in range(STEPS):
        torch_optimizer.zero_grad()
        loss, logits = pass_batch(model, options, x[step], labels[step])
        if "clipGradNorm" in options:
            nn.utils.clip_grad_norm_(model.parameters(), options["clipGradNorm"])
        torch_optimizer.step()
        schedule.step()
        losses.append(loss)
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


def recalibrate(spec, state, x):
    """Running statistics over all batches, in float64; no batch is renormalized by what is being measured."""
    model = copy_of(spec, state, torch.float64)
    for module in model.modules():
        if isinstance(module, BatchRenorm):
            module.r_max, module.d_max = 1, 0
    torch.optim.swa_utils.update_bn([batch.double() for batch in x], model)
    return pack_state({key: value for key, value in model.state_dict().items() if "running" in key or "num_b" in key})


def make_trace(name, spec, optimizer, options, state, x, labels):
    model = copy_of(spec, state, torch.float32)
    losses, hits = train(model, optimizer, options, x, labels)
    # A trace is a test only where rounding does not change its course, as it would at a tie of a max or relu.
    exact = copy_of(spec, state, torch.float64)
    exact_losses, _ = train(exact, optimizer, options, x.double(), labels)
    drift = max(abs(a - b) for a, b in zip(losses, exact_losses))
    spread = max(((a.double() - b).abs().max() / b.abs().max()).item()
                 for a, b in zip(model.state_dict().values(), exact.state_dict().values()) if b.dim() > 0)
    if drift > 3e-6 or spread > 1e-5:
        far = f"{drift:g} in loss, {spread:g} in state"
        sys.exit(f"{name}, {optimizer}, {options}: float32 is {far} from float64; take another seed")
    with torch.no_grad():
        logits = model.eval()(x[0])
    return {"model": name, "optimizer": optimizer, "options": options, "losses": losses, "hits": hits,
            "final": pack_state(model.state_dict()), "evalLogits": pack(logits)}


def initial_state(name, spec):
    torch.manual_seed(SEEDS[name])
    model, shape = build(spec["layers"], spec["input"])
    assert shape == [10]
    # Normalization starts at weight 1, bias 0, mean 0, variance 1; other values show more.
    for module in model.modules():
        if isinstance(module, (*TRACKING, nn.LayerNorm, nn.GroupNorm)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.3, 0.3)
        if isinstance(module, RMSNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
        if isinstance(module, TRACKING):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return {key: value.clone() for key, value in model.state_dict().items()}


def all_batches():
    return {"12x12": batches((1, 12, 12), 41), "19": batches((19,), 42)}


def batch_name(spec):
    return "19" if spec["input"] == [19] else "12x12"


def traces():
    data = all_batches()
    models, found = [], []
    states = {}
    for name, spec in MODELS.items():
        states[name] = initial_state(name, spec)
        batch = batch_name(spec)
        x, labels = data[batch]
        gradients = make_gradients(spec, states[name], x[0][:3], labels[0][:3])
        initial = pack_state(states[name])
        found_model = {"name": name, "spec": spec, "batches": batch, "initial": initial, "gradients": gradients}
        if any("running_var" in key for key in states[name]) and "instance" not in name:
            found_model["recalibrated"] = recalibrate(spec, states[name], x)
        models.append(found_model)
    for name, optimizer, options in TRACES:
        x, labels = data[batch_name(MODELS[name])]
        found.append(make_trace(name, MODELS[name], optimizer, options, states[name], x, labels))
    return document(
        f"{STEPS} steps in float32, batches of {BATCH_SIZE}: losses, hits and the state after them; evalLogits: the "
        "first batch in eval mode, then. gradients: those of the first three samples of the first batch at the initial "
        "state, in float64. recalibrated: running statistics of update_bn over all batches, at the "
        "initial weights, in float64.",
        {
            "batches": {key: {"x": pack(x), "labels": pack(labels)} for key, (x, labels) in data.items()},
            "models": models,
            "traces": found,
        },
    )
