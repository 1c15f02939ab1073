"""Arrays that live long, side by side in one block: in a heap they would stand between what is soon let go, and keep it."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.market.pieces import Pieces

# What a processor reads at once.
_LINE: Final = 64
# So many bytes are copied before others are let in.
_COPIED: Final = 512 * 1024


def side_by_side(arrays: Mapping[str, NDArray[Any]]) -> Pieces[dict[str, NDArray[Any]]]:
    """Return copies of the arrays, all in one block of memory, under the same names; in pieces."""
    sizes = [-(-array.nbytes // _LINE) * _LINE for array in arrays.values()]
    block = np.empty(sum(sizes), dtype=np.uint8)
    copies, begin, copied = {}, 0, 0
    for (name, array), size in zip(arrays.items(), sizes, strict=True):
        copies[name] = block[begin : begin + array.nbytes].view(array.dtype)
        copies[name][:] = array
        begin, copied = begin + size, copied + size
        if copied > _COPIED:
            copied = 0
            yield
    return copies
