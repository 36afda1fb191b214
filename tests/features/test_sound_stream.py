"""Features of sound that comes in pieces are those of the whole."""

import numpy as np
import pytest

from amh_tf.features import audio, heard, sound_stream

RNG = np.random.default_rng(6)
SOUND = (RNG.uniform(0.01, 0.3, 30).repeat(700) * RNG.standard_normal(21000)).astype(np.float32)
ROUNDING = 2e-5


def followed(own, sizes):
    """Yields what is final and what is left after each piece, and how much has come."""
    steps, place = np.zeros((0, 120), np.float32), 0
    for size in sizes:
        steps = np.concatenate([steps, own.add(SOUND[place : place + size])])
        place += size
        yield steps, own.rest(), place


@pytest.mark.parametrize("use_energy", [False, True])
@pytest.mark.parametrize("sizes", [[160] * 131, [1] * 900, [399, 1, 159, 1, 1, 8000, 0, 12439]])
@pytest.mark.parametrize("most", [60, 750])
def test_steps_are_those_of_the_sound_so_far(use_energy, sizes, most):
    own = sound_stream.SoundStream(most, use_energy)
    moments = [*followed(own, sizes)]
    for steps, rest, place in moments[:: max(len(moments) // 20, 1)] + moments[-1:]:
        expected, _ = heard.features(SOUND[:place], most, use_energy)
        found = np.concatenate([steps, rest])
        np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING)
        np.testing.assert_array_equal(moments[-1][0][: len(steps)], steps)  # they are final
        assert len(rest) <= audio.REACH
    assert own.num_steps == min(audio.num_frames(sum(sizes)), most)
    assert own.is_cut == (sum(sizes) > audio.num_samples(most + audio.REACH))
    own.reset()
    assert own.num_steps == 0 and not len(own.waveform) and not own.is_cut


def test_final_steps_look_at_no_more_than_what_follows():
    own = sound_stream.SoundStream(750)
    ((steps, _, _),) = followed(own, [audio.num_samples(50)])
    assert len(steps) == 50 - audio.REACH
