"""Activations by name and number, each with its derivative written in terms of its *output*.

So backpropagation needs only what the forward pass stored. The step has derivative zero everywhere but
at its jump, and zero is what `scale_by_derivative` uses: gradient descent cannot train through it, the
perceptron's own rule (`perceptron.py`) can.

ReLU has no derivative at its corner, where the slope is 0 below and 1 above; any number between serves as a
subgradient, and the core takes 0, as torch does. Sigmoid and tanh are flat far out: their derivatives, at most 1/4 and
1, fall as exp(-|x|) and 4 exp(-2|x|), and a unit there hardly learns. Both are computed by a rational approximation,
and the derivative from its float32 output, in which 1 - output keeps few digits: it is off by 1 % from |x| = 11.4
(sigmoid) and 5.8 (tanh) on, and stays at 1.2e-7 and 4.8e-7 beyond |x| = 15.8 and 7.9, where the approximation is cut
off, while the exact derivative goes on to 0 (`python examples/fundamentals/activations.py` measures and draws it).
"""

import numpy as np

from rl_lab import jit
from rl_lab.errors import LabError

IDENTITY, RELU, TANH, SIGMOID, STEP = range(5)
CODES = {"identity": IDENTITY, "relu": RELU, "tanh": TANH, "sigmoid": SIGMOID, "step": STEP}

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)

# tanh(x) = x P(x²) / Q(x²): the minimax coefficients of Eigen's float tanh (Eigen/src/Core/MathFunctionsImpl.h),
# which XLA and ONNX Runtime use too. Beyond the clip float32's tanh is 1 to within a few units of the last place.
CLIP = np.float32(7.90531110763549805)
P13, P11, P9 = np.float32(-2.76076847742355e-16), np.float32(2.00018790482477e-13), np.float32(-8.60467152213735e-11)
P7, P5, P3 = np.float32(5.12229709037114e-08), np.float32(1.48572235717979e-05), np.float32(6.37261928875436e-04)
P1 = np.float32(4.89352455891786e-03)
Q6, Q4, Q2 = np.float32(1.19825839466702e-06), np.float32(1.18534705686654e-04), np.float32(2.26843463243900e-03)
Q0 = np.float32(4.89352518554385e-03)

# exp(x) = 2^n exp(r), |r| <= ln(2) / 2: the polynomial of Cephes' expf (S. Moshier, cephes/single/expf.c).
LOG2_E, LN2_HIGH, LN2_LOW = np.float32(1.44269504088896341), np.float32(0.693359375), np.float32(-2.12194440e-4)
E5, E4, E3 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
E2, E1, E0 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)
LEAST, MOST = np.float32(-87), np.float32(88)  # exponents that a float32 holds
EXPONENT_BIAS, MANTISSA_BITS = np.int32(127), np.int32(23)


def code(name: str) -> int:
    """The number by which kernels know an activation.

    Raises:
        LabError: there is no activation of that name.
    """
    if not isinstance(name, str) or name not in CODES:
        raise LabError(f"activation {name!r} is unknown; choose one of {', '.join(CODES)}")
    return CODES[name]


@jit.inline
def tanh(x):
    """Rational approximation of tanh, within a few float32 units; unlike libm's, the loop around it vectorises."""
    x = min(max(x, -CLIP), CLIP)
    s = x * x
    p = ((((((P13 * s + P11) * s + P9) * s + P7) * s + P5) * s + P3) * s + P1) * x
    return p / (((Q6 * s + Q4) * s + Q2) * s + Q0)


@jit.inline
def exp(x):
    """The exponential of a float32, within three units of the last place; `x` is cut to where float32 has an answer.

    Eight times as fast as libm's where the loop around it vectorises.
    """
    x = min(max(x, LEAST), MOST)
    n = np.floor(x * LOG2_E + HALF)
    r = x - n * LN2_HIGH - n * LN2_LOW
    series = ((((E5 * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
    power = np.int32((np.int32(n) + EXPONENT_BIAS) << MANTISSA_BITS).view(np.float32)  # 2^n, made of its bits
    return (series * r * r + r + ONE) * power


@jit.inline
def sigmoid(x):
    """The logistic function, through tanh: 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2.

    Within 4e-7 of the exact value; beyond |x| = 15.8 it stays 1.2e-7 away from 0 and from 1.
    """
    return HALF + HALF * tanh(HALF * x)


@jit.fast
def activate(code, values):
    """Replace float32 values, a flat array, by their activation."""
    if code == TANH:
        for i in range(values.shape[0]):
            values[i] = tanh(values[i])
    elif code == RELU:
        for i in range(values.shape[0]):
            values[i] = max(values[i], ZERO)
    elif code == SIGMOID:
        for i in range(values.shape[0]):
            values[i] = sigmoid(values[i])
    elif code == STEP:
        for i in range(values.shape[0]):
            values[i] = ONE if values[i] > ZERO else ZERO


@jit.fast
def scale_by_derivative(code, outputs, gradient):
    """Multiply `gradient` by the activation's derivative, given the activation's outputs; both flat float32.

    At ReLU's corner and at the step's jump, where there is none, the derivative is taken to be 0. In the tails of
    sigmoid and tanh it keeps a small rest, 1.2e-7 and 4.8e-7, where the exact one vanishes.
    """
    if code == TANH:
        for i in range(gradient.shape[0]):
            gradient[i] *= ONE - outputs[i] * outputs[i]
    elif code == RELU:
        for i in range(gradient.shape[0]):
            gradient[i] = gradient[i] if outputs[i] > ZERO else ZERO
    elif code == SIGMOID:
        for i in range(gradient.shape[0]):
            gradient[i] *= outputs[i] * (ONE - outputs[i])
    elif code == STEP:
        for i in range(gradient.shape[0]):
            gradient[i] = ZERO
