"""What a printed number may have been: an interval, half a unit of its last digit to each side."""

Interval = tuple[float, float]


def digits(printed: float) -> int:
    """How many stand after the point."""
    return len(repr(float(printed)).partition(".")[2])


def interval(printed: float) -> Interval:
    """What a printed number may have been before it was rounded."""
    half_unit = 0.5 * 10.0 ** -digits(printed)
    return printed - half_unit, printed + half_unit


def minus(a: Interval, b: Interval) -> Interval:
    """a - b."""
    return a[0] - b[1], a[1] - b[0]


def over(a: Interval, b: Interval) -> Interval:
    """a / b for positive b."""
    quotients = [x / y for x in a for y in b]
    return min(quotients), max(quotients)


def twice(a: Interval) -> Interval:
    """2 a."""
    return 2 * a[0], 2 * a[1]


def agree(a: Interval, b: Interval) -> bool:
    """Whether they overlap."""
    return a[0] <= b[1] + 1e-12 and b[0] <= a[1] + 1e-12
