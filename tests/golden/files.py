"""
The format of the golden files, and how two of them are compared.

A tensor is one of
  { "f4" | "f8" | "i4": base64 of little-endian values, "shape": [...] }            all of its values
  { "recipe": { "seed", "scale", "shift" }, "shape": [...] }                         made from integers: see recipe.py
  { "at": [flat indices], "f8": values there, "sum", "squares", "shape": [...] }     a large result: a sample and sums
"""

import base64
import json

import numpy as np
import torch

# What float64 leaves of a value that is zero in exact arithmetic.
NOISE = 1e-12


def encode(array):
    name = {"float32": "f4", "float64": "f8", "int64": "i4"}[str(array.dtype)]
    return {name: base64.b64encode(array.astype("<" + name).tobytes()).decode()}


def pack(tensor):
    """A tensor in its own precision; float32 and float64 survive bit for bit."""
    array = tensor.detach().contiguous().numpy()
    return {**encode(array), "shape": list(array.shape)}


def sample(tensor, count=64):
    """Of a tensor too large to keep: values at evenly spread indices, the sum, the sum of squares."""
    flat = tensor.detach().contiguous().numpy().reshape(-1)
    at = np.unique(np.linspace(0, flat.size - 1, count).astype(np.int64))
    sums = {"sum": float(flat.sum()), "squares": float((flat * flat).sum())}
    return {"at": at.tolist(), **encode(flat[at]), **sums, "shape": list(tensor.shape)}


def unpack(packed):
    (name,) = packed.keys() & {"f4", "f8", "i4"}
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
    """What differs by more than the tolerance, of a tensor's largest value, as lines."""
    if is_tensor(old) and is_tensor(new):
        a, b = unpack(old), unpack(new)
        if old["shape"] != new["shape"] or a.size != b.size:
            return [f"{where}: shape {old['shape']}, now {new['shape']}"]
        finite = np.isfinite(a)
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
            return [f"{where}: differs in where it is not finite"]
        most = np.abs(a[finite] - b[finite]).max(initial=0)
        # Written so that NaN differs.
        same = most <= tolerance * np.abs(a[finite]).max(initial=0) + NOISE
        return [] if same else [f"{where}: differs by {most:g}"]
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
