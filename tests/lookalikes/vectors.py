"""Embeddings without a model: hashed words and pieces of words, projected at random.

Each word and piece is a feature with a fixed random direction of +1 and -1 (the bits of its hash). A text is the
weighted sum, scaled to length 1. Texts that share words, or Hangul stems, point the same way; unrelated ones are near
to orthogonal. That is enough for retrieval to be tested over them. Source of the idea: Johnson-Lindenstrauss random
projection with signs (Achlioptas 2003) over hashed features.
"""

import hashlib
import math
import re
from collections import Counter, defaultdict
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"[가-힣]+|[^\W_가-힣]+")
_COMMON = re.compile(
    "an?|and|are|as|at|be|but|by|can|do|for|from|has|have|i|if|in|is|it|its|me|my|no|not|of|on|or|our|so|that|the|their"
    "|there|this|to|was|we|were|what|when|which|will|with|you|your"
)


def embed(text: str, size: int) -> NDArray[np.float32]:
    """The vector of a text: `size` numbers, length 1. A shorter vector is the start of the longer one, rescaled."""
    total = np.zeros(size, dtype=np.float32)
    for feature, weight in _features(text).items():
        total += np.float32(weight) * _direction(feature, size)
    if not total.any():
        total += _direction("", size)
    return total / np.float32(np.linalg.norm(total))


def _features(text: str) -> dict[str, float]:
    """Words, and pieces of them: bigrams where they are Hangul (endings change, stems stay), else 4-grams."""
    features: defaultdict[str, float] = defaultdict(float)
    for word, times in Counter(_WORD.findall(text.lower())).items():
        weight = math.sqrt(times) * (0.1 if _COMMON.fullmatch(word) else 1.0)
        whole, width, piece = (0.4, 2, 1.0) if "가" <= word[0] <= "힣" else (1.0, 4, 0.3)
        features[word] += weight * whole
        for start in range(len(word) - width + 1):
            features["~" + word[start : start + width]] += weight * piece
    return features


@lru_cache(maxsize=8192)  # 12 MB at 1,536 dimensions
def _direction(feature: str, size: int) -> NDArray[np.int8]:
    bits = np.unpackbits(np.frombuffer(hashlib.shake_128(feature.encode()).digest(-(-size // 8)), dtype=np.uint8))
    return bits[:size].astype(np.int8) * np.int8(2) - np.int8(1)
