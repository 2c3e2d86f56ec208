"""Turns named cases into parameters of pytest."""
import pytest


def named(*cases):
    """The first item of each case is its id, the others are the values."""
    return [pytest.param(*values, id=name) for name, *values in cases]
