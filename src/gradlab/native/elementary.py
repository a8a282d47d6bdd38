"""Elementary functions of vectors, in numbers of 32 bits."""

from gradlab.native.function import Function, Value

BOUND = 7.90531110763549805
"""From here on the nearest number to tanh is ±1."""

ODD = (
    4.89352455891786e-03,
    6.37261928875436e-04,
    1.48572235717979e-05,
    5.12229709037114e-08,
    -8.60467152213735e-11,
    2.00018790482477e-13,
    -2.76076847742355e-16,
)
EVEN = (4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06)


def tanh(f: Function, x: Value) -> Value:
    """Return tanh(x) ≈ x P(x²) / Q(x²), within 4 units of the last digit; NaN stays NaN.

    P of degree 6 and Q of degree 3 are the minimax fit that Eigen and XLA use too.
    """
    x = f.clip(x, -BOUND, BOUND)
    square = f.times(x, x)
    return f.over(f.times(x, _polynomial(f, square, ODD)), _polynomial(f, square, EVEN))


def sigmoid(f: Function, x: Value) -> Value:
    """Return σ(x) = 1/2 + tanh(x / 2) / 2."""
    half = f.constant(0.5)
    return f.multiply_add(half, tanh(f, f.times(half, x)), half)


def _polynomial(f: Function, x: Value, coefficients: tuple[float, ...]) -> Value:
    total = f.constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = f.multiply_add(total, x, f.constant(coefficient))
    return total
