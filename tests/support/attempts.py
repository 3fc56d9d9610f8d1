"""A key and incompressible bytes for tests of the network."""

from __future__ import annotations

KEY = "sk-or-v1-0123456789abcdef"
MIB = 1 << 20
NOISE = bytes(i * 7919 % 251 ^ i >> 8 & 0xFF for i in range(1 << 16))
