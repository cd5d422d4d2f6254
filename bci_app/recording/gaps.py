"""Where samples are missing in a file: from time stamps, or from a device's counter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bci_app.recording.model import Break

# Late samples that are caught up within this time are jitter (a Bluetooth burst); what is never
# caught up is loss.
_HORIZON_S = 1.0
_MAX_HORIZON = 4096  # samples; bounds the work on a file with absurd stamps
# A clock that steps back by more than this was set again.
_CLOCK_RESET_S = 0.5
_REFERENCES = 64  # places where the drift and the noise of the delay are measured
_DOUBT = 10.0  # times the median deviation: seven standard deviations
# Share of steps of one that a column must have to be taken for a counter.
_COUNTER_SHARE = 0.9


def measured_rate(stamps: NDArray[np.float64]) -> float | None:
    """Measure the rate of a stream from its stamps, unmoved by a few gaps.

    Parameters
    ----------
    stamps : ndarray of float64, shape (n_samples,)
        Seconds.

    Returns
    -------
    float or None
        Hz, the median over stretches of a 16th of the stream; None if there are fewer than 32
        samples or the stamps do not advance.
    """
    span = len(stamps) // 16
    if span < 2:
        return None
    step = float(np.median(stamps[span:] - stamps[:-span])) / span
    return 1.0 / step if np.isfinite(step) and step > 0 else None


def breaks_from_stamps(stamps: NDArray[np.float64], rate: float) -> tuple[Break, ...]:
    """Find lost samples by stamps that may jitter.

    The stamps of a stream without loss stay, up to jitter, on a line. Jitter only delays, so the
    lower edge of the delay over the next second, less that over the last second, is what was lost.

    Parameters
    ----------
    stamps : ndarray of float64, shape (n_samples,)
        Seconds, as recorded; finite.
    rate : float
        Nominal rate in Hz. The measured one is used if it lies within 5 % of it.

    Returns
    -------
    tuple of Break
        In order.
    """
    if len(stamps) < 2:
        return ()
    measured = measured_rate(stamps)
    true_rate = measured if measured is not None and abs(measured / rate - 1) < 0.05 else rate
    delay = stamps - np.arange(len(stamps)) / true_rate
    step = np.diff(stamps)
    suspects = np.flatnonzero((step > 1.5 / true_rate) | (step < -_CLOCK_RESET_S / 2)) + 1
    horizon = max(1, min(_MAX_HORIZON, round(_HORIZON_S * true_rate), len(stamps) // 8))
    drift, noise = _edge(delay, horizon)
    found: list[Break] = []
    last = 0
    for row in suspects.tolist():
        start, stop = max(last, row - horizon), min(row + horizon, len(delay))
        # A rising delay is lowest where both windows begin, a falling one where they end.
        jump = _jump(delay, start, row, stop) - drift * (row - start if drift > 0 else stop - row)
        doubt = noise
        if len(delay) - row < horizon // 4:  # too near the end to see whether late samples are caught up
            doubt += float(np.ptp(delay[start:row]))
        lost = round(jump * true_rate)
        if lost >= 1 and jump > doubt:
            found.append(Break(row, lost))
        elif jump < -_CLOCK_RESET_S - doubt:
            found.append(Break(row, 0))
        else:
            continue
        last = row
    return tuple(found)


def _jump(delay: NDArray[np.float64], start: int, row: int, stop: int) -> float:
    """Compare the lower edge of the delay on both sides of a row, in seconds."""
    return float(delay[row:stop].min() - delay[start:row].min())


def _edge(delay: NDArray[np.float64], horizon: int) -> tuple[float, float]:
    """Measure how the edge moves where nothing is lost.

    Returns
    -------
    tuple of float
        Its drift in seconds per sample, which is the error of the rate, and how far one comparison
        of its two sides may be off by jitter, in seconds.
    """
    if len(delay) < 2 * horizon + _REFERENCES:
        return 0.0, 0.0
    rows = np.linspace(horizon, len(delay) - horizon, _REFERENCES).astype(int).tolist()
    jumps = np.array([_jump(delay, row - horizon, row, row + horizon) for row in rows])
    typical = float(np.median(jumps))
    return typical / horizon, _DOUBT * float(np.median(np.abs(jumps - typical)))


def breaks_from_counter(
    counter: NDArray[np.float64], stamps: NDArray[np.float64] | None, rate: float
) -> tuple[Break, ...] | None:
    """Find lost samples by a package number that wraps around.

    A counter alone does not show a loss of a whole number of its turns; where stamps are given, they
    say how many turns passed.

    Parameters
    ----------
    counter : ndarray of float64, shape (n_samples,)
        Package numbers.
    stamps : ndarray of float64, shape (n_samples,), or None
        Seconds; may jitter by less than half a turn of the counter.
    rate : float
        Nominal rate in Hz.

    Returns
    -------
    tuple of Break or None
        None if the column does not count samples one by one.
    """
    if len(counter) < 2 or not np.isfinite(counter).all():
        return None
    turn = int(counter.max()) + 1
    if turn < 2 or turn > 2**31:
        return None
    missing = np.mod(np.diff(counter) - 1, turn)
    if np.mean(missing == 0) < _COUNTER_SHARE or not np.array_equal(missing, np.rint(missing)):
        return None
    if stamps is not None:
        expected = np.diff(stamps) * rate - 1
        turns = np.where(np.isfinite(expected), np.rint((expected - missing) / turn), 0)
        # One turn too many is a package that came twice or too late.
        missing = np.maximum(missing + np.maximum(turns, -1) * turn, 0)
    return tuple(Break(int(row) + 1, int(missing[row])) for row in np.flatnonzero(missing))


def times_on_grid(n_samples: int, rate: float, breaks: tuple[Break, ...]) -> NDArray[np.float64]:
    """Return the time of each sample, in seconds from the first, counting the lost ones."""
    lost = np.zeros(n_samples)
    lost[[found.row for found in breaks]] = [found.lost for found in breaks]
    return (np.arange(n_samples) + np.cumsum(lost)) / rate
