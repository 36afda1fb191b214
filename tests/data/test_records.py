import numpy as np
import pytest
import tensorflow as tf

from amh_tf import schema
from amh_tf.corpora import source
from amh_tf.data import records

WIDTHS = {"audio": 3, "video": 2}


def utterance(audio=4, text=3, video=2):
    rng = np.random.default_rng(0)
    return source.Utterance(
        id="Ses01F_impro01_F000",
        label=5,
        audio=rng.standard_normal((audio, 3)).astype(np.float32),
        text=rng.integers(0, 9, text).astype(np.int32),
        video=rng.standard_normal((video, 2)).astype(np.float32),
    )


@pytest.mark.parametrize("lengths", [(4, 3, 2), (1, 1, 1), (0, 3, 2), (0, 0, 0)])
def test_record_gives_the_utterance_back(lengths):
    written = utterance(*lengths)
    batch = records.decode(tf.constant([records.encode(written)]), WIDTHS)
    fields = {name: value[0] for name, value in batch.items()}
    assert fields["id"].numpy().decode() == written.id and int(fields["label"]) == 5
    for modality, length in zip(schema.MODALITIES, lengths):
        expected = getattr(written, modality)
        assert int(fields[f"{modality}_length"]) == length
        np.testing.assert_array_equal(fields[modality][:length], expected)
        assert fields[modality].shape[0] == max(1, length)
        np.testing.assert_array_equal(fields[modality][length:], 0)


def test_record_that_contradicts_itself_is_refused():
    example = tf.train.Example.FromString(records.encode(utterance()))
    example.features.feature["audio_length"].int64_list.value[0] = 5
    with pytest.raises(tf.errors.InvalidArgumentError):
        records.decode(tf.constant([example.SerializeToString()]), WIDTHS)


@pytest.mark.parametrize("length", [-1, 1 << 40])
def test_record_that_declares_an_impossible_length_is_refused(length):
    example = tf.train.Example.FromString(records.encode(utterance()))
    example.features.feature["audio_length"].int64_list.value[0] = length
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="audio does not have the declared length"
    ):
        records.decode(tf.constant([example.SerializeToString()]), WIDTHS)


def test_half_precision_is_numpys_rounding_in_half_the_bytes():
    written = utterance()
    encoded = records.encode(written, "float16")
    fields = records.decode(tf.constant([encoded]), WIDTHS, feature_dtype="float16")
    expected = written.audio.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(fields["audio"][0], expected)
    example = tf.train.Example.FromString(encoded)
    assert len(example.features.feature["audio"].bytes_list.value[0]) == written.audio.size * 2


def test_features_beyond_half_precision_are_refused():
    written = utterance()
    written.audio[0, 0] = 1e5
    with pytest.raises(ValueError, match=r"Ses01F_impro01_F000.*--feature_dtype=float32"):
        records.encode(written, "float16")
