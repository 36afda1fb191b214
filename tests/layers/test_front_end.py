"""What stands between features and encoders, against NumPy and scikit-learn."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn import preprocessing

from amh_tf import config, layers, models
from amh_tf.runs import model_file


def padded(lengths, width=3, pad=2):
    """Sequences in whose padding stands what would spoil everything."""
    rng = np.random.default_rng(8)
    batch = np.full((len(lengths), max(lengths) + pad, width), np.nan, np.float32)
    for row, length in enumerate(lengths):
        batch[row, :length] = rng.standard_normal((length, width))
    return batch, np.array(lengths, np.int32)


@pytest.mark.parametrize("stride", [1, 2, 5, 40])
def test_steps_are_averaged_without_padding(stride):
    batch, lengths = padded([11, 10, 1, 0, 4])
    found, shorter = layers.FrameAverage(stride)(batch, lengths)
    for row, length in enumerate(lengths):
        whole = range(0, length, stride)
        expected = [batch[row, at : min(at + stride, length)].mean(axis=0) for at in whole]
        assert int(shorter[row]) == len(expected)
        if expected:
            np.testing.assert_allclose(found[row, : len(expected)], expected, rtol=1e-5)
    assert np.isfinite(found).all()


def test_standardization_equals_scikit_learn():
    rng = np.random.default_rng(8)
    steps = (rng.standard_normal((500, 4)) * [1, 40, 1e-3, 0] + [3, -50, 0, 7]).astype(np.float32)
    scaler = preprocessing.StandardScaler().fit(steps.astype(float))
    layer = layers.Standardize()
    layer.build((None, None, 4))
    layer.adapt(scaler.mean_, np.sqrt(scaler.var_) * (scaler.var_ > 1e-9))
    found = np.asarray(layer(steps[None]))[0]
    np.testing.assert_allclose(found[:, :3], scaler.transform(steps)[:, :3], atol=1e-4)
    assert not found[:, 3].any()
    # A dimension that never varied says nothing when it does.
    assert not np.asarray(layer(steps[None] + 5))[0, :, 3].any()


def test_every_utterance_has_its_speaker_s_own():
    batch = np.random.default_rng(8).standard_normal((2, 6, 3)).astype(np.float32)
    mean, deviation = batch.mean(axis=1), batch.std(axis=1)
    found = np.asarray(layers.Standardize(own=False)(batch, mean, deviation))
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=1), 1, atol=1e-5)


def augmented(batch, lengths, **settings):
    layer = layers.Augmentation(seed=3, **settings)
    return np.asarray(layer(batch, lengths, training=True))


def test_nothing_changes_outside_of_training():
    batch, lengths = padded([5, 3], pad=0)
    layer = layers.Augmentation(time_mask=0.5, frequency_mask=0.5, level=1, noise=1)
    np.testing.assert_array_equal(layer(np.nan_to_num(batch), lengths), np.nan_to_num(batch))


def test_masks_take_out_whole_steps_and_no_more_than_two_shares():
    ones = np.ones((400, 50, 6), np.float32)
    lengths = np.full(400, 40, np.int32)
    found = augmented(ones, lengths, time_mask=0.25)
    assert set(np.unique(found)) == {0, 1}
    np.testing.assert_array_equal(found, found[:, :, :1] * np.ones(6))
    gone = (found[:, :40, 0] == 0).sum(axis=1)
    assert gone.max() <= 20 and (found[:, 40:] == 1).all()
    # Two masks of 5 steps on average, which may overlap.
    assert 7 < gone.mean() < 10.1


def test_coefficients_are_masked_in_every_block_alike():
    ones = np.ones((300, 2, 12), np.float32)
    found = augmented(ones, np.full(300, 2, np.int32), frequency_mask=0.5, blocks=3)
    blocks = found.reshape(300, 2, 3, 4)
    assert set(np.unique(found)) == {0, 1}
    np.testing.assert_array_equal(blocks, blocks[:, :1, :1] * np.ones((2, 3, 1)))


def played(batch, lengths, **settings):
    found, changed = layers.FrameAverage(seed=3, **settings)(batch, lengths, training=True)
    return np.asarray(found), np.asarray(changed)


@pytest.mark.parametrize(("stride", "speed"), [(1, 0.1), (1, 0.5), (4, 0.2)])
def test_speed_averages_over_more_or_fewer_steps(stride, speed):
    batch = np.tile(np.arange(60, dtype=np.float32)[None, :, None], (200, 1, 2))
    batch[:, 50:] = -1000
    found, changed = played(batch, np.full(200, 50, np.int32), stride=stride, speed=speed)
    # A rate above 1 takes more steps at once, but not fewer than one.
    least, most = 50 / stride / (1 + speed), min(50, 50 / stride / (1 - speed))
    assert least - 2 <= changed.min() < changed.max() <= most + 1
    for row, length in zip(found, changed):
        steps = row[:length, 0]
        assert 0 <= steps[0] < 2 * stride and steps[-1] <= 49  # no padding in any mean
        rate = np.diff(steps[:-1]).mean()
        assert max(1, stride * (1 - speed)) - 0.3 < rate < stride * (1 + speed) + 0.3
        np.testing.assert_allclose(np.diff(steps[:-1]), rate, atol=1.01)


def test_sequences_begin_with_any_of_their_first_steps():
    batch = np.tile(np.arange(9, dtype=np.float32)[None, :, None], (300, 1, 1))
    found, changed = played(batch, np.full(300, 9, np.int32), stride=4, speed=1e-6)
    assert set(found[:, 0, 0]) == {1.5, 2.5, 3.5, 4.5}  # of the steps 0 to 3, 1 to 4 and so on
    np.testing.assert_array_equal(changed, np.where(found[:, 0, 0] == 1.5, 3, 2))


def test_nothing_is_drawn_without_speed():
    batch, lengths = padded([11, 10, 1, 0, 4])
    batch = np.nan_to_num(batch)
    found, changed = played(batch, lengths, stride=3)
    expected, same = layers.FrameAverage(3)(batch, lengths)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(changed, same)


def test_absent_sequences_stay_absent():
    absent = np.zeros((3, 1, 2), np.float32), np.array([0, 1, 0], np.int32)
    found, changed = played(*absent, stride=9, speed=0.4)
    assert changed.tolist() == [0, 1, 0] and found.shape[1] == 1


def test_level_and_noise_have_their_deviation():
    zeros = np.zeros((2000, 20, 5), np.float32)
    level = augmented(zeros, np.full(2000, 20, np.int32), level=0.5)
    assert not level[:, :, 1:].any() and abs(level[:, 0, 0].std() - 0.5) < 0.03
    np.testing.assert_array_equal(level[:, :, 0], level[:, :1, 0] * np.ones(20))
    noise = augmented(zeros, np.full(2000, 20, np.int32), noise=0.2)
    assert abs(noise.std() - 0.2) < 1e-3 and abs(noise.mean()) < 1e-3
    assert abs(np.corrcoef(noise[:, 0, 0], noise[:, 0, 1])[0, 1]) < 0.1


def test_draws_follow_the_seed_s_state():
    ones, lengths = np.ones((4, 30, 6), np.float32), np.full(4, 30, np.int32)
    first, second = (layers.Augmentation(time_mask=0.5, noise=0.1, seed=5) for _ in range(2))
    draws = [np.asarray(first(ones, lengths, training=True)) for _ in range(3)]
    assert not np.array_equal(draws[0], draws[1])
    second(ones, lengths, training=True)
    np.testing.assert_array_equal(second(ones, lengths, training=True), draws[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frequency_mask": 2}, "`frequency_mask`"),
        ({"noise": -1}, "`noise`"),
        ({"time_mask": 1.5}, "`time_mask`"),
    ],
)
def test_impossible_augmentation_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        layers.Augmentation(**settings)


def test_probabilities_are_averaged_not_logits():
    rng = np.random.default_rng(8)
    logits = [rng.standard_normal((5, 4)).astype(np.float32) * 3 for _ in range(3)]
    expected = np.mean([tf.nn.softmax(each) for each in logits], axis=0)
    found = tf.nn.softmax(layers.MeanProbability()(logits))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


FRONT = {
    "vocabulary_size": 30, "audio_width": 12, "video_width": 7, "embedding_width": 5,
    "audio_units": 6, "text_units": 5, "video_units": 4, "num_hops": 3, "audio_stride": 3,
}  # fmt: skip


def test_standardizing_outside_gives_the_same_answer(model_inputs):
    """A model with statistics inside answers raw features as one without answers standard ones."""
    inputs = model_inputs([9, 0, 4], [5, 2, 1], [3, 1, 0], widths=(12, 7), vocabulary=30)
    keras.utils.set_random_seed(1)
    plain = models.build(config.ModelConfig(**FRONT))
    rng = np.random.default_rng(8)
    statistics = {
        m: (rng.standard_normal(w).astype("f4"), rng.uniform(0.5, 2, w).astype("f4"))
        for m, w in (("audio", 12), ("video", 7))
    }
    outside = dict(inputs)
    for modality, (mean, deviation) in statistics.items():
        outside[modality] = (inputs[modality] - mean) / deviation
    expected = np.asarray(plain(outside))
    own = models.build(config.ModelConfig(**FRONT, standardize="global"))
    by_speaker = models.build(config.ModelConfig(**FRONT, standardize="speaker"))
    by_speaker.set_weights(plain.get_weights())
    for modality, values in statistics.items():
        own.get_layer(f"{modality}_standardize").adapt(*values)
        names = [f"{modality}_{what}" for what in ("mean", "deviation")]
        inputs |= {name: np.tile(value, (3, 1)) for name, value in zip(names, values)}
    trained = iter(plain.trainable_weights)
    for weight in own.trainable_weights:
        weight.assign(next(trained))
    np.testing.assert_allclose(by_speaker(inputs), expected, atol=2e-6)
    read = {name: inputs[name] for name in own.input}
    np.testing.assert_allclose(own(read), expected, atol=2e-6)


@pytest.mark.slow
def test_ensemble_is_kept_in_a_file_and_shows_mean_attention(model_inputs, tmp_path):
    settings = config.ModelConfig(**FRONT)
    run_config = config.RunConfig(
        config.DataConfig("x"), settings, config.TrainingConfig(), "", seeds=(1, 2)
    )
    inputs = model_inputs([9, 0, 4], [5, 2, 1], [3, 1, 0], widths=(12, 7), vocabulary=30)
    joined = models.build_run(run_config)
    members = models.members(joined)
    expected = np.mean([tf.nn.softmax(member(inputs)) for member in members], axis=0)
    np.testing.assert_allclose(tf.nn.softmax(joined(inputs)), expected, rtol=1e-5)
    joined.save(tmp_path / "model.keras")
    loaded = model_file.load(tmp_path / "model.keras", lambda: models.build_run(run_config))
    np.testing.assert_array_equal(loaded(inputs), joined(inputs))
    shown = models.attention_model(loaded)(inputs)
    each = [models.attention_model(member)(inputs) for member in models.members(loaded)]
    for hop in ("attention_1", "attention_2", "attention_3"):
        np.testing.assert_allclose(shown[hop], np.mean([one[hop] for one in each], axis=0))
