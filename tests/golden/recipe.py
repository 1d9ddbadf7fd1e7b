"""
Numbers that Python and JavaScript make alike, bit for bit: tests/node/support/golden.js has the same lines.

Value i of a tensor is shift + scale * z in float64, rounded once to float32; z is about normal, being the sum of the
four halves of two 32-bit hashes of i, less its mean, over its standard deviation.
"""

import zlib

import numpy as np

STEP, SECOND = 0x9E3779B9, 0x7F4A7C15
MEAN, DEVIATION = 131070, 37837


def seed_of(text):
    """So that a case keeps its numbers when others are added."""
    return zlib.crc32(text.encode())


def mixed(h):
    """The finalizer of MurmurHash3, on an array of uint32."""
    h = h ^ (h >> np.uint32(16))
    h = h * np.uint32(0x85EBCA6B)
    h = h ^ (h >> np.uint32(13))
    h = h * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def values(seed, scale, shift, size):
    """float32 [size]"""
    counter = np.arange(size, dtype=np.uint32) * np.uint32(STEP) + np.uint32(seed)
    total = np.zeros(size)
    for h in (mixed(counter), mixed(counter ^ np.uint32(SECOND))):
        total += (h & np.uint32(0xFFFF)).astype(np.float64) + (h >> np.uint32(16)).astype(np.float64)
    return (shift + scale * ((total - MEAN) / DEVIATION)).astype(np.float32)
