#!/usr/bin/env python3
"""
Runs what nl.toPyTorch() wrote, all of it in one process, and prints what came out as JSON: a list with an entry a case.

usage: exported.py CASES.json    a list of { "script", "weights"?, "arguments"?, "seed"?, "input"?, "classes"?, "n"?, "steps"?, "scheduled"? }

Of a case with "arguments" it is what the script prints as a program. Of others it is logits of the model with these weights:
"eval", "train", "trained" (after so many steps, as the script makes them), "losses" and "rates" of these steps; and "keys" of its state.
Samples are those of recipe.py, labels 0, 7, 14, ... modulo the classes. Of a layer's script it is the layer's state, and what has gone through it.
"""

import contextlib
import copy
import io
import json
import runpy
import sys
import types

sys.dont_write_bytecode = True

import numpy as np
import torch

import recipe
from saved import read

# The package safetensors, as far as the scripts use it.
safetensors = types.ModuleType("safetensors.torch")
safetensors.load_file = lambda path: read(path)[0]
sys.modules["safetensors"] = types.ModuleType("safetensors")
sys.modules["safetensors.torch"] = safetensors


def batches(case):
    shape = [case.get("steps", 1), case["n"], *case["input"]]
    return torch.from_numpy(recipe.values(case["seed"], 1, 0, int(np.prod(shape)))).reshape(shape)


def listed(tensor):
    return tensor.detach().flatten().double().tolist()


def run_model(case):
    found = runpy.run_path(case["script"])
    model = found["model"]
    model.load_state_dict(read(case["weights"])[0], strict=True)
    x, labels = batches(case), torch.arange(case["n"]) * 7 % case["classes"]
    # Copies: a pass in train mode moves the running statistics.
    train_mode = found.get("train_mode", lambda model: model.train())
    other = copy.deepcopy(model)
    train_mode(other)
    with torch.no_grad():
        result = {
            "keys": list(model.state_dict()),
            "parameters": [key for key, _ in model.named_parameters()],
            "train": listed(other(x[0])),
            "eval": listed(copy.deepcopy(model).eval()(x[0])),
        }
    if case.get("steps"):
        train_mode(model)
        optimizer = found["make_optimizer"](model)
        scheduler = found["make_scheduler"](optimizer, case["scheduled"]) if "make_scheduler" in found else None
        result["losses"], result["rates"] = [], []
        for batch in x:
            result["rates"].append(optimizer.param_groups[0]["lr"])
            result["losses"].append(found["train_step"](model, optimizer, batch, labels))
            if scheduler:
                scheduler.step()
        with torch.no_grad():
            result["trained"] = listed(model.eval()(x[0]))
    return result


def run_layer(case):
    # What the script draws as the gradient is needed here too.
    drawn = []
    randn_like = torch.randn_like
    torch.randn_like = lambda y: drawn.append(randn_like(y)) or drawn[0]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            found = runpy.run_path(case["script"])
    finally:
        torch.randn_like = randn_like
    layer, x = found["layer"], found["x"]
    return {
        "state": {key: listed(value) for key, value in layer.state_dict().items()},
        "training": layer.training,
        "x": {"shape": list(x.shape), "data": listed(x), "grad": listed(x.grad)},
        "y": listed(found["y"]),
        "dy": listed(drawn[0]),
        "grads": {key: listed(parameter.grad) for key, parameter in layer.named_parameters()},
    }


def run_program(case):
    output = io.StringIO()
    sys.argv = [case["script"], *case["arguments"]]
    with contextlib.redirect_stdout(output):
        runpy.run_path(case["script"], run_name="__main__")
    return {"output": output.getvalue()}


def run(case):
    kind = run_program if "arguments" in case else run_model if "weights" in case else run_layer
    try:
        return kind(case)
    except Exception as error:
        return {"error": f"{case['script']}: {type(error).__name__}: {error}"}


if __name__ == "__main__":
    torch.set_num_threads(1)
    with open(sys.argv[1]) as file:
        cases = json.load(file)
    print(json.dumps([run(case) for case in cases]))
