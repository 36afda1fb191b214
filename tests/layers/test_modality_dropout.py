import keras
import numpy as np
import pytest

from amh_tf import config, layers, models

PRESENT = {name: np.full(60_000, 5, np.int32) for name in ("audio", "text", "video")}


def dropped(layer, lengths):
    return {name: np.asarray(t) for name, t in layer(lengths, training=True).items()}


@pytest.mark.parametrize("rate", [0.2, 0.6])
def test_each_modality_is_dropped_alike_and_never_all(rate):
    kept = dropped(layers.ModalityDropout(rate, seed=1), PRESENT)
    absent = np.stack([lengths == 0 for lengths in kept.values()])
    assert set(np.unique(list(kept.values()))) == {0, 5}
    # Draws are independent, but where all three would go, each stays with one third.
    expected = rate - rate**3 / 3
    np.testing.assert_allclose(absent.mean(axis=1), expected, atol=0.01)
    np.testing.assert_allclose(
        (absent.sum(axis=0) == 2).mean(), 3 * rate**2 - 2 * rate**3, atol=0.01
    )
    assert not absent.all(axis=0).any()


def test_absent_modalities_do_not_keep_an_utterance_alive():
    rng = np.random.default_rng(0)
    lengths = {name: rng.integers(0, 2, 5000).astype(np.int32) * 9 for name in PRESENT}
    kept = dropped(layers.ModalityDropout(0.9, seed=2), lengths)
    before, after = (np.stack(list(d.values())) for d in (lengths, kept))
    assert np.isin(after, (0, 9)).all() and (after <= before).all()
    np.testing.assert_array_equal((after > 0).any(axis=0), (before > 0).any(axis=0))


def test_only_modality_is_never_dropped():
    lengths = {"text": np.array([3, 0, 7], np.int32)}
    kept = dropped(layers.ModalityDropout(0.99, seed=3), lengths)
    np.testing.assert_array_equal(kept["text"], lengths["text"])


def test_nothing_is_dropped_outside_training():
    for lengths in (
        layers.ModalityDropout(0.9)(PRESENT),
        layers.ModalityDropout(0.0)(PRESENT, training=True),
    ):
        for name, expected in PRESENT.items():
            np.testing.assert_array_equal(lengths[name], expected)


def test_restored_seed_goes_on_where_it_was():
    layer = layers.ModalityDropout(0.5, seed=4)
    dropped(layer, PRESENT)
    (state,) = layer.variables
    saved = np.asarray(state)
    second = dropped(layer, PRESENT)
    state.assign(saved)
    again = dropped(layer, PRESENT)
    for name in PRESENT:
        np.testing.assert_array_equal(again[name], second[name])


def test_model_trains_on_what_is_left_and_its_file_keeps_the_rate(model_inputs, tmp_path):
    small = config.ModelConfig(
        vocabulary_size=50, audio_width=20, video_width=24, embedding_width=8,
        audio_units=4, text_units=3, video_units=2, num_hops=2, modality_dropout=0.5,
        audio_dropout=0, text_dropout=0, video_dropout=0,
    )  # fmt: skip
    keras.utils.set_random_seed(0)
    model = models.build(small)
    inputs = model_inputs([4] * 3, [3] * 3, [2] * 3)

    def said(**absent):
        given = {**inputs, **{f"{name}_length": np.zeros(3, np.int32) for name in absent}}
        return np.asarray(model(given, training=False))[0]

    modalities = ("audio", "text", "video")
    possible = [said(**dict.fromkeys(m for m in modalities if m not in kept.split()))
                for kept in ("audio text video", "audio text", "audio video", "text video",
                             *modalities)]  # fmt: skip
    seen = set()
    for _ in range(40):
        row = np.asarray(model(inputs, training=True))[0]
        distances = [np.abs(row - one).max() for one in possible]
        assert min(distances) < 1e-6
        seen.add(int(np.argmin(distances)))
    assert seen == set(range(7))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("modality_dropout").rate == 0.5


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_wrong_rate_is_refused(rate):
    with pytest.raises(ValueError, match=r"`rate` is out of range.*Received: rate="):
        layers.ModalityDropout(rate)
    with pytest.raises(ValueError, match=r"`modality_dropout` is out of range"):
        config.ModelConfig(vocabulary_size=2, modality_dropout=rate)


def test_single_modality_is_refused():
    with pytest.raises(ValueError, match=r"modality_dropout.*one modality"):
        config.ModelConfig(
            vocabulary_size=2, model="rnn_attn", modalities=("text",), modality_dropout=0.1
        )
