"""Randomness keyed by what it is for, so that nothing depends on the order things are asked in."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping
from datetime import timedelta


class Dice(random.Random):
    """A generator for one key, e.g. Dice(seed, store, "person", day, index)."""

    def __init__(self, *key: object) -> None:
        text = "\x1f".join(str(part) for part in key)
        super().__init__(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def pick(self, weights: Mapping[str, float]) -> str:
        """One key of `weights`, with probability in proportion to its weight."""
        left = self.random() * sum(weights.values())
        for name, weight in weights.items():
            left -= weight
            if left < 0:
                return name
        return next(reversed(list(weights)))

    def poisson(self, mean: float) -> int:
        limit, count, product = math.exp(-mean), 0, self.random()
        while product > limit:
            count += 1
            product *= self.random()
        return count

    def span(self, low_seconds: int, high_seconds: int) -> timedelta:
        return timedelta(seconds=self.randint(low_seconds, high_seconds))
