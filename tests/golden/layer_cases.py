"""
The layers, options, shapes and inputs of the layer goldens.

A case: kind, arguments and options of the factory, shape, inputs and modes of the consecutive passes. `shape` is one shape
or one a pass, `inputs` a name from layers.INPUTS or one a pass; modes: T for train, E for eval, a letter a pass. `state`:
what is loaded besides random weight and bias.
"""

from itertools import product

# After four batches, or between them, eval mode shows the running statistics.
LONG, MIXED, BACK = "TTTE", "TETE", "ETTE"


def case(kind, arguments, shape, inputs="shifted", modes="TE", state=None, **options):
    shapes = shape if isinstance(shape, list) else [shape] * len(modes)
    names = inputs if isinstance(inputs, list) else [inputs] * len(modes)
    assert len(shapes) == len(names) == len(modes), (kind, shape, inputs, modes)
    return {
        "kind": kind,
        "arguments": arguments,
        "options": options,
        "shapes": shapes,
        "inputs": names,
        "modes": modes,
        "state": state or {},
    }


def batch(shape, inputs="shifted", modes=LONG, **options):
    """BatchNorm of the kind that takes this shape."""
    first = shape[0] if isinstance(shape, list) else shape
    return case(f"batchNorm{max(len(first) - 2, 1)}d", [first[1]], shape, inputs, modes, **options)


def instance(shape, inputs="shifted", modes="TE", unbatched=False, **options):
    first = shape[0] if isinstance(shape, list) else shape
    dims = len(first) - (1 if unbatched else 2)
    channels = first[0] if unbatched else first[1]
    return case(f"instanceNorm{dims}d", [channels], shape, inputs, modes, **options)


def group(groups, shape, inputs="shifted", modes="TE", **options):
    first = shape[0] if isinstance(shape, list) else shape
    return case("groupNorm", [groups, first[1]], shape, inputs, modes, **options)


def layer(normalized, shape, inputs="shifted", modes="TE", **options):
    return case("layerNorm", [normalized], shape, inputs, modes, **options)


def rms(normalized, shape, inputs="shifted", modes="TE", **options):
    return case("rmsNorm", [normalized], shape, inputs, modes, **options)


# What E[x²] - E[x]², sums in float32, or 1 / sqrt(var + eps) in the wrong order do not survive.
HARD = ["far", "hundred", "huge", "denormal", "tiny variance", "outlier", "mixed scales", "zeros"]
TRACKED = {"affine": True, "trackRunningStats": True}
UNTRACKED = {"trackRunningStats": False}
AFFINE = [{}, {"bias": False}, {"affine": False}]
ELEMENTWISE = [{}, {"bias": False}, {"elementwiseAffine": False}]
# The batch first, then without any sample, then another number of them.
SIZES = [3, 0, 1, 5]


def sizes(*rest):
    return [(n, *rest) for n in SIZES]


def batch_norm():
    # Sizes around four lanes, one channel, one sample, one value a plane.
    for shape in [
        (6, 5), (2, 7), (33, 9), (4, 8), (2, 1), (3, 1), (9, 4), (5, 13),
        (4, 5, 3), (1, 3, 5), (3, 2, 8), (2, 3, 1), (1, 1, 2), (1, 10, 2), (2, 1, 4),
        (2, 3, 3, 5), (1, 5, 3, 3), (4, 1, 2, 2), (3, 6, 1, 1), (2, 9, 7, 1), (5, 2, 5, 7), (2, 4, 4, 4), (1, 2, 1, 2),
        (2, 3, 1, 2, 2), (1, 2, 1, 1, 2), (1, 5, 2, 1, 3), (3, 4, 1, 1, 1), (2, 2, 3, 3, 3), (2, 7, 1, 2, 1),
    ]:
        yield batch(shape)
    # Every way of moving the running statistics, in each number of dimensions.
    for momentum, affine, kept in product([0, 0.1, 0.3, 1, None, -1.2], AFFINE, ["unbiased", "biased"]):
        shape = {"unbiased": (4, 3), "biased": (2, 3, 2)}[kept]
        yield batch(shape, modes=MIXED, momentum=momentum, runningVar=kept, **affine)
    for momentum, kept in product([0, 0.3, 1, None, -1.2], ["unbiased", "biased"]):
        yield batch((2, 3, 2, 1), modes=BACK, momentum=momentum, runningVar=kept)
        yield batch((2, 2, 2, 1, 2), modes=BACK, momentum=momentum, runningVar=kept, bias=False)
    for affine, eps in product(AFFINE, [1e-3, 0.5, 1e-12]):
        yield batch((3, 5), "normal", modes=LONG, eps=eps, **affine)
        yield batch((2, 3, 1, 3), "normal", modes="TETT", eps=eps, **UNTRACKED, **affine)
    # torch.nn's own module inputs (common_nn.py), where they are small enough.
    for options in [
        {}, {"eps": 1e-3, "momentum": None}, {"eps": 1e-3, "momentum": 0.3, "affine": False},
        {"eps": 1e-3, "momentum": 0.3, **UNTRACKED}, {"eps": 1e-3, "momentum": 0.3, "bias": False},
    ]:
        yield batch((4, 10), "normal", modes="TE", **options)
        yield batch((4, 5, 3), "normal", modes="TE", **options)
        yield batch((2, 3, 6, 6), "normal", modes="TE", **options)
        yield batch((2, 3, 4, 4, 4), "normal", modes="TE", **options)
    yield batch((2, 3, 3, 3), "whole", modes=LONG, momentum=0.8, eps=1e-3)
    yield batch((2, 3, 2, 2, 2), "whole", modes=LONG, momentum=0.7, eps=1e-3)
    # torch's OpInfo samples: unusual on purpose.
    yield batch((5, 5, 5), "normal", modes="TE", momentum=0.5, eps=0.6)
    yield batch((3, 2, 4), "normal", modes="ET", momentum=-1.2)
    yield batch((3, 1), "normal", modes="TE", momentum=0)
    yield batch((3, 2, 3, 4), "normal", modes="ETT", momentum=-1, eps=0.5)
    yield batch((1, 2, 3), "normal", modes="TE", affine=False, **UNTRACKED)
    # test_batchnorm_grad: a running variance of exactly 0.
    given = {"running_mean": [1, 0, -1, -2, -3], "running_var": [0, 2, 4, 6, 8], "num_batches_tracked": 7}
    for modes, momentum in [("ETE", 0.1), ("TTE", None)]:
        yield batch((4, 5, 6), "normal", modes=modes, eps=1e-4, momentum=momentum, state=given)
    # Without batch statistics eps may be 0.
    positive = {**given, "running_var": [1e-6, 2, 4e6, 1, 0.25]}
    yield batch((3, 5, 2), "shifted", modes="EE", eps=0, state=positive)
    for rest in [(3,), (3, 4), (2, 1, 3), (2, 1, 2, 2)]:
        if len(rest) > 1:
            yield batch(sizes(*rest), modes="TTTE")
            yield batch(sizes(*rest), modes="TTTE", momentum=None, runningVar="biased")
        yield batch([(0, *rest)] * 2, modes="TE", eps=1e-3, momentum=0.3, affine=False)
    for inputs in [*HARD, "constant channel"]:
        yield batch((9, 6), inputs, modes="TTE")
        yield batch((3, 3, 5), inputs, modes="TTE", runningVar="biased")
        yield batch((2, 3, 3, 3), inputs, modes="TTE", momentum=None)
        yield batch((2, 3, 2, 1, 3), inputs, modes="TTE", momentum=1)
    for shape in [(5, 6), (3, 3, 5), (2, 3, 2, 3), (2, 2, 3, 1, 2)]:
        yield batch(shape, ["normal", "nan", "normal", "normal"], modes="TETE")
        yield batch(shape, ["normal", "nan", "normal"], modes="TTE", momentum=1)


def batch_renorm():
    def renorm(shape, inputs="shifted", modes=LONG, **options):
        return case(f"batchRenorm{max(len(shape) - 2, 1)}d", [shape[1]], shape, inputs, modes, **options)

    # Of fresh statistics, which the inputs are far from and near to: clipped and not.
    for shape in [(6, 5), (33, 9), (5, 1), (4, 5, 3), (2, 3, 3, 5), (1, 5, 3, 3), (2, 9, 7, 1), (2, 3, 1, 2, 2)]:
        yield renorm(shape)
        yield renorm(shape, "normal")
    for r_max, d_max in product([1, 1.05, 2, 100], [0, 0.1, 2, 100]):
        yield renorm((6, 5), rMax=r_max, dMax=d_max)
        yield renorm((3, 4, 2, 2), "normal", modes=MIXED, rMax=r_max, dMax=d_max)
    for momentum, affine, kept in product([0, 0.3, 1, None], AFFINE, ["unbiased", "biased"]):
        yield renorm((4, 3, 3), modes=BACK, momentum=momentum, runningVar=kept, rMax=1.5, dMax=1, **affine)
    for eps in [1e-3, 0.5]:
        yield renorm((5, 6), "whole", eps=eps)
    given = {"running_mean": [1, 0, -1], "running_var": [0.01, 2, 40], "num_batches_tracked": 7}
    for modes, momentum in [("ETE", 0.1), ("TTE", None)]:
        yield case("batchRenorm1d", [3], (7, 3), "shifted", modes, given, momentum=momentum)
    for inputs in ["far", "constant channel", "mixed scales"]:
        yield renorm((4, 3, 5), inputs, modes="TTE")


def layer_norm():
    for normalized, shape in [
        ([5], (4, 5)), ([1], (3, 1)), ([17], (6, 17)), ([8], (2, 8)), ([5], (2, 3, 5)), ([3, 5], (2, 4, 3, 5)),
        ([4, 3, 3], (2, 4, 3, 3)), ([2, 3, 5], (2, 3, 5)), ([7], (1, 2, 3, 1, 7)), ([130], (3, 130)), ([5], (5,)),
        ([4], (3, 4)), ([2, 1, 2, 1, 3], (2, 1, 2, 1, 3)), ([1, 1], (2, 1, 1)), ([3], (9, 3)), ([2, 6], (1, 2, 6)),
    ]:
        yield layer(normalized, shape, modes="TTE")
    for affine, eps in product(ELEMENTWISE, [1e-3, 0.5, 0, 1e-12]):
        yield layer([7], (5, 7), "normal", eps=eps, **affine)
        yield layer([3, 3], (4, 2, 3, 3), "whole", eps=eps, **affine)
    for affine in ELEMENTWISE:
        yield layer([5], (4, 5, 5), "normal", eps=1e-3, **affine)
        yield layer([2, 2, 5], (4, 2, 2, 5), "normal", eps=1e-3, **affine)
        yield layer([1, 2, 3], (1, 2, 3), "normal", eps=0.5, **affine)
    for normalized, shape in [([5], (0, 5)), ([1], (0, 1)), ([2], (1, 2)), ([1], (1,)), ([2, 3], (3, 0, 2, 3))]:
        yield layer(normalized, shape, "normal")
    yield layer([3, 4], sizes(3, 4), modes="TTTE")
    # test_layer_norm_grads_with_create_graph_flag
    yield layer([16], (4, 4, 16), "normal", modes="T")
    for inputs in [*HARD, "constant row"]:
        yield layer([13], (4, 13), inputs)
        yield layer([2, 3], (3, 2, 2, 3), inputs, bias=False)
        yield layer([8], (3, 8), inputs, eps=1e-12, elementwiseAffine=False)
    for shape in [(4, 13), (3, 2, 6)]:
        yield layer([shape[-1]], shape, ["nan", "normal", "nan"], modes="TTE")


def group_norm():
    for groups, shape in [
        (2, (1, 2, 3, 4)), (3, (2, 3, 10)), (3, (2, 6, 4, 2, 2)), (32, (1, 64, 1, 1)), (3, (4, 12)), (1, (20, 6)),
        (3, (2, 9, 7, 5)), (1, (3, 5, 3, 3)), (5, (3, 5, 3, 3)), (2, (1, 4, 1, 1)), (2, (3, 4, 4, 4)), (3, (3, 3, 2)),
        (4, (2, 8, 3)), (2, (2, 10, 1, 3)), (10, (2, 10)), (5, (1, 10, 1)), (1, (1, 7)), (7, (2, 7, 1, 1, 3)),
    ]:
        yield group(groups, shape, modes="TTE")
    for affine, eps in product(AFFINE, [1e-3, 0.5, 0, 1e-12]):
        yield group(2, (3, 6, 5), "whole", eps=eps, **affine)
        yield group(2, (2, 4, 2, 3), "normal", eps=eps, **affine)
    # torch.nn's module inputs; 5 of 5 groups is InstanceNorm, 1 of 10 LayerNorm.
    yield group(3, (4, 6, 5), "normal", eps=1e-3)
    yield group(3, (4, 12), "normal", eps=1e-3)
    yield group(1, (50, 6), "normal", eps=1e-3)
    yield group(5, (4, 5, 5), "normal", eps=1e-3, affine=False)
    yield group(1, (4, 10), "normal", eps=1e-3, affine=False)
    yield group(3, (4, 6, 2, 3), "normal", eps=1e-3)
    yield group(3, (4, 3, 2, 3), "normal", eps=1e-3, affine=False)
    yield group(1, (4, 3, 2, 3), "normal", eps=1e-3, affine=False)
    yield group(2, (0, 4, 2, 2), "normal")
    yield group(1, (0, 2), "normal")
    yield group(2, sizes(4, 3), modes="TTTE")
    for inputs in [*HARD, "constant row"]:
        yield group(2, (3, 6, 3), inputs)
        yield group(3, (2, 3, 2, 3), inputs, bias=False)
        yield group(1, (2, 4, 1, 2, 2), inputs, eps=1e-12, affine=False)
    for groups, shape in [(2, (3, 6, 3)), (3, (2, 6, 2, 3)), (1, (3, 5))]:
        yield group(groups, shape, ["nan", "normal", "nan"], modes="TTE")


def instance_norm():
    for shape in [
        (2, 3, 5), (1, 4, 3), (3, 1, 2), (4, 5, 9), (2, 3, 4), (1, 1, 2),
        (2, 3, 3, 5), (1, 5, 2, 2), (3, 2, 1, 7), (2, 1, 4, 4), (2, 6, 3, 1),
        (2, 3, 2, 2, 2), (1, 2, 1, 1, 3), (3, 2, 2, 1, 3),
    ]:
        yield instance(shape, modes=MIXED, **TRACKED)
    for momentum, affine in product([0, 0.1, 0.3, 0.5, 1, -1.2], [True, False]):
        for shape in [(3, 2, 3), (2, 3, 2, 2), (2, 2, 2, 1, 2)]:
            yield instance(shape, modes=BACK, momentum=momentum, affine=affine, trackRunningStats=True)
    for affine, eps in product([True, False], [1e-3, 0.5, 0, 1e-12]):
        yield instance((2, 3, 5), "normal", eps=eps, affine=affine)
        yield instance((2, 3, 2, 2), "whole", eps=eps, affine=affine, trackRunningStats=True)
    for shape in [(3, 7), (3, 2, 3), (3, 2, 1, 3), (1, 2), (5, 1, 4)]:
        for options in [{}, {"affine": True}, TRACKED, {"trackRunningStats": True, "momentum": 1}]:
            yield instance(shape, modes="TTE", unbatched=True, **options)
    # torch.nn's module inputs.
    for tracked in [False, True]:
        options = {"eps": 1e-3, "momentum": 0.3, "trackRunningStats": tracked}
        yield instance((4, 3, 15), "normal", **options)
        yield instance((4, 3, 6, 6), "normal", **options)
        yield instance((4, 3, 4, 4, 4), "normal", **options)
        yield instance((3, 15), "normal", unbatched=True, **options)
        yield instance((3, 6, 6), "normal", unbatched=True, **options)
        yield instance((3, 4, 4, 4), "normal", unbatched=True, **options)
    # torch's OpInfo samples.
    yield instance((5, 5, 5), "normal", modes="TE", momentum=0.5, eps=0.6, **TRACKED)
    yield instance((3, 2, 4), "normal", modes="ET", momentum=-1.2, **TRACKED)
    yield instance((3, 2, 3, 4), "normal", modes="ETT", momentum=-1, eps=0.5, **TRACKED)
    given = {"running_mean": [1, 0, -1], "running_var": [0, 2, 4e6]}
    yield instance((2, 3, 4), "normal", modes="ETE", state=given, **TRACKED)
    # With tracked statistics one value a plane is enough in eval mode.
    yield instance([(4, 3, 2, 2), (4, 3, 1, 1)], modes="TE", **TRACKED)
    # Batched and unbatched in turn, and another size each time.
    yield instance([(3, 2, 4), (2, 5), (1, 2, 9), (4, 2, 3)], modes="TTTE", **TRACKED)
    yield instance([(3, 2, 2, 2), (2, 1, 5), (1, 2, 3, 3), (2, 3, 1)], modes="TTTE", **TRACKED)
    # Without parameters the number of channels is any.
    yield instance((2, 5, 3), modes="TE")
    yield case("instanceNorm1d", [4], (2, 5, 3))
    yield instance((0, 3, 5, 2), "normal")
    yield instance((0, 3, 5), "normal")
    for inputs in [*HARD, "constant channel"]:
        yield instance((3, 4, 5), inputs, modes="TTE", **TRACKED)
        yield instance((2, 3, 2, 3), inputs, modes="TE", eps=1e-12)
        yield instance((2, 2, 2, 1, 3), inputs, modes="TTE", momentum=1, **TRACKED)
    yield instance((2, 3, 5), "constant channel", modes="TE", eps=0)
    for shape in [(3, 2, 5), (2, 3, 2, 2), (2, 2, 1, 2, 3)]:
        yield instance(shape, ["normal", "nan", "normal", "normal"], modes="TETE", **TRACKED)
        yield instance(shape, ["nan", "normal"], modes="TE", affine=True)


def rms_norm():
    for normalized, shape in [
        ([5], (4, 5)), ([1], (3, 1)), ([17], (6, 17)), ([8], (2, 8)), ([5], (2, 3, 5)), ([3, 5], (2, 4, 3, 5)),
        ([2, 3, 5], (2, 3, 5)), ([7], (1, 2, 3, 1, 7)), ([67], (3, 67)), ([5], (5,)), ([4], (3, 4)),
    ]:
        yield rms(normalized, shape, modes="TTE")
    for affine, eps in product([True, False], [None, 1e-5, 1e-3, 0.5, 0, 1e-12]):
        yield rms([7], (5, 7), "normal", eps=eps, elementwiseAffine=affine)
        yield rms([3, 3], (4, 2, 3, 3), "whole", eps=eps, elementwiseAffine=affine)
    # torch.nn's module inputs.
    for affine in [True, False]:
        yield rms([5], (4, 5, 5), "normal", eps=1e-3, elementwiseAffine=affine)
        yield rms([2, 2, 5], (4, 2, 2, 5), "normal", eps=1e-3, elementwiseAffine=affine)
    yield rms([1, 2, 3], (1, 2, 3), "normal", eps=0.5)
    yield rms([5], (0, 5), "normal", eps=1e-3)
    yield rms([3, 4], sizes(3, 4), modes="TTTE")
    for inputs in [*HARD, "constant row"]:
        yield rms([13], (4, 13), inputs)
        yield rms([2, 3], (3, 2, 2, 3), inputs, eps=1e-12, elementwiseAffine=False)
    for shape in [(4, 13), (3, 2, 6)]:
        yield rms([shape[-1]], shape, ["nan", "normal", "nan"], modes="TTE")


def large():
    """Kept as samples and sums: sums of many values, in which float32 or E[x²] - E[x]² lose all."""
    # Mean 100, deviation 0.01, over 32,768 values: https://github.com/pytorch/pytorch/issues/40302
    yield batch((8, 2, 64, 64), "hundred", modes="TTE")
    yield batch((2048, 4, 16), "hundred", modes="TTE", runningVar="biased")
    yield layer([32768], (2, 32768), "hundred", modes="T")
    yield group(2, (1, 4, 128, 128), "hundred", modes="T")
    yield instance((2, 2, 128, 256), "hundred", modes="TE", **TRACKED)
    yield rms([32768], (2, 32768), "hundred", modes="T")
    for inputs in ["far", "huge", "denormal"]:
        yield batch((4097, 5), inputs, modes="TE")
        yield layer([1025], (9, 1025), inputs, modes="T")
        yield group(3, (3, 9, 33, 11), inputs, modes="T")
        yield instance((2, 3, 33, 31), inputs, modes="TE", **TRACKED)
        yield rms([1025], (9, 1025), inputs, modes="T")
    # torch's own tests: module inputs, layer_norm_backwards_eps, groupnorm_nhwc, batchnorm_nhwc.
    yield layer([5], (128, 5, 5), "normal", eps=1e-3)
    yield rms([5], (128, 5, 5), "normal", eps=1e-3)
    yield layer([33], (1025, 33), "normal", modes="T")
    yield layer([56, 56, 56], (1, 56, 56, 56), "normal", modes="T")
    yield group(3, (4, 6, 28, 28), "normal", modes="T", eps=1e-3)
    yield group(51, (2, 51, 28, 28), "normal", modes="T", eps=1e-3, affine=False)
    yield group(3, (2, 30, 9, 9), "normal", modes="T")
    yield group(3, (2, 9, 7, 11, 15), "normal", modes="T")
    yield batch((4, 8, 10, 10), "normal", modes="TE")
    yield batch((4, 8, 2, 10, 10), "normal", modes="TE")


GROUPS = {
    "batchNorm": batch_norm,
    "batchRenorm": batch_renorm,
    "layerNorm": layer_norm,
    "groupNorm": group_norm,
    "instanceNorm": instance_norm,
    "rmsNorm": rms_norm,
    "large": large,
}
