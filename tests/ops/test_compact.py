"""Places of true elements, where there are fewer than asked for, and by the form for other platforms."""

import numpy as np
import pytest

import bevel  # noqa: F401  (puts the evaluating interpreter in place)
from bevel.ops.compact import Compact


@pytest.mark.parametrize("shape", [(7,), (16,), (3, 40), (2, 0), (0, 3)])
@pytest.mark.parametrize("size", [1, 5, 50])
def test_both_forms_find_what_numpy_finds(shape, size):
    mask = np.random.RandomState(0).rand(*shape) < 0.4
    op = Compact(size)
    expected, numbers = op.reference(mask)
    forms = [op(mask)] + ([op._by_scattering(mask)] if mask.size else [])
    for places, found in forms:
        np.testing.assert_array_equal(found, numbers)
        for row, right, number in zip(np.asarray(places), expected, np.atleast_1d(numbers), strict=False):
            if mask.ndim == 1:
                row, right = places, expected
            np.testing.assert_array_equal(row[: min(size, number)], right[: min(size, number)])
