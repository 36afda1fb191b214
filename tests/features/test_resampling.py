"""Sound that comes in pieces is converted as a whole of it is."""

import numpy as np
import pytest
from scipy import signal

from amh_tf import errors
from amh_tf.features import resampling


@pytest.mark.parametrize("rate", [8000, 11000, 16000, 22100, 44100, 48000, 96000])
@pytest.mark.parametrize("size", [1, 100, 4410, None])
def test_pieces_change_nothing(rate, size):
    rng = np.random.default_rng(1)
    count = rate // (20 if size == 1 else 2) + 3
    sound = rng.uniform(-1, 1, count).astype(np.float32)
    sizes = np.full(count, size) if size else rng.integers(0, rate // 30, count)
    ends = np.cumsum(sizes)
    resampler = resampling.Resampler(rate)
    found = [resampler.add(piece) for piece in np.split(sound, ends[ends < count])]
    found.append(resampler.finish())
    divisor = np.gcd(16000, rate)
    expected = signal.resample_poly(sound.astype(np.float64), 16000 // divisor, rate // divisor)
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=0, atol=1e-5)
    assert not len(resampler.finish())


@pytest.mark.parametrize("rate", [8000, 11000, 22100, 44100, 48000])
def test_little_sound_waits(rate):
    """What `check_live` promises: at most a tenth of a second."""
    resampling.check_live(rate)
    resampler = resampling.Resampler(rate)
    given = taken = 0
    for _ in range(300):
        given += len(resampler.add(np.zeros(37, np.float32)))
        taken += 37
        assert -1 <= taken / rate - given / 16000 <= 0.1


@pytest.mark.parametrize("rate", [7900, 22050, 44101, 200_000, 0, -16000])
def test_rate_that_would_wait_longer_is_refused(rate):
    with pytest.raises(errors.InputError, match=r"`sample_rate`.*steps of 100"):
        resampling.check_live(rate)


@pytest.mark.parametrize("rate", [0, -16000, 10**9, 44100.5, float("nan"), "44100", None, True])
def test_what_is_no_rate_is_refused(rate):
    with pytest.raises(errors.InputError, match=r"`rate` is not a sample rate.*rate="):
        resampling.Resampler(rate)


def test_whole_floats_are_rates():
    assert resampling.Resampler(48000.0).down == 3
