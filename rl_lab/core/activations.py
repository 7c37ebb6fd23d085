"""Activations by name and number, each with its derivative written in terms of its *output*.

So backpropagation needs only what the forward pass stored. The step has derivative zero everywhere but
at its jump, and zero is what `scale_by_derivative` uses: gradient descent cannot train through it, the
perceptron's own rule (`perceptron.py`) can.
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


def code(name: str) -> int:
    """The number by which kernels know an activation.

    Raises:
        LabError: there is no activation of that name.
    """
    if name not in CODES:
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
def sigmoid(x):
    """The logistic function, through tanh: 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2."""
    return HALF + HALF * tanh(HALF * x)


@jit.fast
def activate(code, values):
    """Replace a float32 array of shape `(batch, units)` by its activation."""
    if code == TANH:
        for i in range(values.shape[0]):
            for j in range(values.shape[1]):
                values[i, j] = tanh(values[i, j])
    elif code == RELU:
        for i in range(values.shape[0]):
            for j in range(values.shape[1]):
                values[i, j] = max(values[i, j], ZERO)
    elif code == SIGMOID:
        for i in range(values.shape[0]):
            for j in range(values.shape[1]):
                values[i, j] = sigmoid(values[i, j])
    elif code == STEP:
        for i in range(values.shape[0]):
            for j in range(values.shape[1]):
                values[i, j] = ONE if values[i, j] > ZERO else ZERO


@jit.fast
def scale_by_derivative(code, outputs, gradient):
    """Multiply `gradient` by the activation's derivative, given the activation's outputs; both `(batch, units)`."""
    if code == TANH:
        for i in range(gradient.shape[0]):
            for j in range(gradient.shape[1]):
                gradient[i, j] *= ONE - outputs[i, j] * outputs[i, j]
    elif code == RELU:
        for i in range(gradient.shape[0]):
            for j in range(gradient.shape[1]):
                gradient[i, j] = gradient[i, j] if outputs[i, j] > ZERO else ZERO
    elif code == SIGMOID:
        for i in range(gradient.shape[0]):
            for j in range(gradient.shape[1]):
                gradient[i, j] *= outputs[i, j] * (ONE - outputs[i, j])
    elif code == STEP:
        for i in range(gradient.shape[0]):
            for j in range(gradient.shape[1]):
                gradient[i, j] = ZERO
