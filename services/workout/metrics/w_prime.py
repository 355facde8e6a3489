"""W' balance: what is left of the work that can be done above critical power.

Differential form: Froncioni, Clarke and Skiba as in Skiba, Fulford, Clarke, Vanhatalo and Jones 2015,
"Intramuscular determinants of the ability to recover work capacity above critical power", Eur J Appl Physiol
115:703-713; first: Skiba, Chidnok, Vanhatalo and Jones 2012, "Modeling the expenditure and reconstitution of
work capacity above critical power", Med Sci Sports Exerc 44:1526-1532.

Above critical power (CP) W' falls by P - CP each second; below, it comes back at (CP - P) times the share of
W' that is missing. What is missing, D = W' - balance, follows within a second of constant power

    D' = P - CP             above CP
    D' = -D (CP - P) / W'   below CP

so each second is D -> a D + b with a = exp(-max(CP - P, 0) / W') and b = max(P - CP, 0): exact, and linear. A
chain of such steps is D_i = A_i (D_0 + sum over j <= i of b_j / A_j) with A the running product of a, which
is computed without a loop; the chain is cut where A would leave the range of floating point numbers. Every
term is positive, so nothing cancels.

The balance can fall below 0: then the thresholds are too low for what the athlete did. It is not clipped,
because that is worth knowing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.workout.metrics.grid import FloatArray

POINTS = 1000
"""At most so many points are kept of the balance over time."""

_RANGE = 500.0  # exp(-500) is far within what a float can hold


@dataclass(frozen=True, slots=True)
class WPrimeBalance:
    """The balance over a workout.

    Attributes:
        minimum_j: the lowest balance, in J.
        minimum_point: the second at whose end it was.
        step_s: seconds between two points of `balance_j`.
        balance_j: float64; the lowest within each step, so that no dip is lost.
    """

    minimum_j: float
    minimum_point: int
    step_s: int
    balance_j: FloatArray


def balance_j(power_w: FloatArray, critical_power_w: float, w_prime_j: float) -> FloatArray:
    """The balance in J at the end of each second of elapsed time; shape (n,). Unknown power is to be 0."""
    over = power_w - critical_power_w
    spent = np.maximum(over, 0)
    decay = np.cumsum(np.minimum(over, 0))
    decay *= 1 / w_prime_j
    missing = np.empty(len(power_w))
    start, left = 0, 0.0
    while start < len(power_w):
        before = float(decay[start - 1]) if start else 0.0
        stop = max(int(np.searchsorted(-decay, _RANGE - before, side="right")), start + 1)
        factor = np.exp(np.maximum(decay[start:stop] - before, -_RANGE))
        chain = spent[start:stop] / factor
        np.cumsum(chain, out=chain)
        chain += left
        chain *= factor
        missing[start:stop] = chain
        start, left = stop, float(chain[-1])
    return w_prime_j - missing


def w_prime_balance(
    power_w: FloatArray, critical_power_w: float | None, w_prime_j: float | None
) -> WPrimeBalance | None:
    """The balance made short enough to draw; None without thresholds or power."""
    if critical_power_w is None or w_prime_j is None or not len(power_w):
        return None
    balance = balance_j(power_w, critical_power_w, w_prime_j)
    lowest = int(balance.argmin())
    step = -(-len(balance) // POINTS)
    return WPrimeBalance(
        minimum_j=float(balance[lowest]),
        minimum_point=lowest,
        step_s=step,
        balance_j=np.asarray(np.minimum.reduceat(balance, np.arange(0, len(balance), step))),
    )
