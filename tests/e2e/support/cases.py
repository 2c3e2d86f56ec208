"""Turns named cases into parameters of pytest."""
import pytest


def named(*cases):
    """Returns the cases as pytest parameters. The first item of a case is its id, the others are its values."""
    return [pytest.param(*values, id=name) for name, *values in cases]
