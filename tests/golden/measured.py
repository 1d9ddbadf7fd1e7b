"""What hooks see in one training step of the models of traces.json: measured.json."""

import torch
from torch import nn
from torch.nn import functional as F

from files import document, pack
from layers import RMSNorm
from traces import MODELS, Residual, all_batches, batch_name, copy_of, initial_state

BINS = 16
CHANNELS = (nn.BatchNorm1d, nn.BatchNorm2d)


def moments(values):
    """Mean, standard deviation, least and greatest, and counts of equal bins between these."""
    low, high = values.min(), values.max()
    counts = torch.histc(values.flatten(), BINS, low.item(), high.item()).to(torch.int64).tolist()
    return {"moments": pack(torch.stack([values.mean(), values.std(unbiased=False), low, high])), "counts": counts}


def norm_of(tensors):
    return torch.cat([tensor.flatten() for tensor in tensors]).norm().item() if tensors else None


def statistics(module, x, running):
    """Over how many values a mean is taken, and how far the batch is from what eval mode would use."""
    if isinstance(module, (nn.LayerNorm, nn.GroupNorm, RMSNorm)):
        groups = module.num_groups if isinstance(module, nn.GroupNorm) else 1
        return {"valuesPerStatistic": x[0].numel() // groups, "meanShift": None, "varRatio": None}
    over = [dim for dim in range(x.dim()) if dim > 1 or dim == 0 and isinstance(module, CHANNELS)]
    var, mean = torch.var_mean(x, over, unbiased=False)
    old_mean, old_var = running
    scale = old_var + module.eps
    return {
        "valuesPerStatistic": x.numel() // mean.numel(),
        "meanShift": ((mean - old_mean) ** 2 / scale).mean().sqrt().item(),
        "varRatio": ((var + module.eps) / scale).log().abs().mean().exp().item(),
    }


def measure(spec, state, x, labels):
    model = copy_of(spec, state, torch.float64)
    seen = {}

    def watch(key, module):
        stats = [getattr(module, name, None) for name in ["running_mean", "running_var"]]
        running = [None if value is None else value.clone() for value in stats]

        def hook(_, inputs, output):
            if output.requires_grad:
                output.retain_grad()
            seen[key] = (module, inputs[0].detach(), output, running)

        module.register_forward_hook(hook)

    for key, module in model.named_modules():
        if not isinstance(module, nn.Sequential):
            watch(key, module)
    F.cross_entropy(model(x.double()), labels).backward()
    layers = {}
    for key, (module, given, output, running) in seen.items():
        own = [] if isinstance(module, Residual) else list(module.parameters())
        is_norm = isinstance(module, (*CHANNELS, nn.InstanceNorm2d, nn.LayerNorm, nn.GroupNorm, RMSNorm))
        layers[key] = {
            "activation": moments(output.detach()),
            "gradient": None if output.grad is None else moments(output.grad),
            "gradNorm": norm_of([parameter.grad for parameter in own]),
            "weightNorm": norm_of([parameter.detach() for parameter in own]),
            "statistics": statistics(module, given, running) if is_norm else None,
        }
    return layers


def measured():
    data, found = all_batches(), []
    for name, spec in MODELS.items():
        x, labels = data[batch_name(spec)]
        found.append({"name": name, "layers": measure(spec, initial_state(name, spec), x[0], labels[0])})
    return document(
        "One training step on the first batch of traces.json, at its initial states: of every module's output and its gradient "
        "mean, std, min, max and a histogram; Euclidean norms of its parameters and their gradients; distances of batch from "
        "running statistics. In float64.",
        {"models": found},
    )
