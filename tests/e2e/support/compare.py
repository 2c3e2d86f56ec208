"""Compares long lists and records."""


def assert_equal(got, expected, what=""):
    """Asserts got == expected. The message says in one line where two lists or two records differ."""
    if got == expected:
        return
    if isinstance(got, list) and isinstance(expected, list):
        for at, (one, other) in enumerate(zip(got, expected)):
            if one != other:
                assert_equal(one, other, f"{what}[{at}]")
        raise AssertionError(f"{what}: {len(got)} items, expected {len(expected)}")
    if isinstance(got, dict) and isinstance(expected, dict):
        names = [name for name in {**got, **expected} if got.get(name) != expected.get(name)]
        raise AssertionError(f"{what}: " + ", ".join(f"{n} is {got.get(n)!r}, expected {expected.get(n)!r}"
                                                     for n in names))
    raise AssertionError(f"{what}: got {got!r}, expected {expected!r}" if what else f"got {got!r}, expected {expected!r}")
