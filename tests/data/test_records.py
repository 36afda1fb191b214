import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from amh_tf import schema
from amh_tf.corpora import source
from amh_tf.data import records

WIDTHS = {"audio": 3, "video": 2}
VECTORS = {**WIDTHS, "text": 5}


def utterance(audio=4, text=3, video=2, widths=WIDTHS):
    rng = np.random.default_rng(0)
    sequences = {
        name: rng.standard_normal((steps, widths[name])).astype(np.float32)
        if name in widths
        else rng.integers(0, 9, steps).astype(np.int32)
        for name, steps in (("audio", audio), ("text", text), ("video", video))
    }
    return source.Utterance(id="Ses01F_impro01_F000", label=5, **sequences)


@pytest.mark.parametrize("widths", [WIDTHS, VECTORS], ids=["word ids", "vectors"])
@pytest.mark.parametrize("lengths", [(4, 3, 2), (1, 1, 1), (0, 3, 2), (0, 0, 0)])
def test_record_gives_the_utterance_back(lengths, widths):
    written = utterance(*lengths, widths)
    batch = records.decode(tf.constant([records.encode(written, widths)]), widths)
    fields = {name: value[0] for name, value in batch.items()}
    assert fields["id"].numpy().decode() == written.id and int(fields["label"]) == 5
    for modality, length in zip(schema.MODALITIES, lengths):
        expected = getattr(written, modality)
        assert int(fields[f"{modality}_length"]) == length
        assert fields[modality].dtype == expected.dtype
        np.testing.assert_array_equal(fields[modality][:length], expected)
        assert fields[modality].shape[0] == max(1, length)
        np.testing.assert_array_equal(fields[modality][length:], 0)


def test_record_that_contradicts_itself_is_refused():
    example = tf.train.Example.FromString(records.encode(utterance(), WIDTHS))
    example.features.feature["audio_length"].int64_list.value[0] = 5
    with pytest.raises(tf.errors.InvalidArgumentError):
        records.decode(tf.constant([example.SerializeToString()]), WIDTHS)


@pytest.mark.parametrize("length", [-1, 1 << 40])
def test_record_that_declares_an_impossible_length_is_refused(length):
    example = tf.train.Example.FromString(records.encode(utterance(), WIDTHS))
    example.features.feature["audio_length"].int64_list.value[0] = length
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="audio does not have the declared length"
    ):
        records.decode(tf.constant([example.SerializeToString()]), WIDTHS)


def test_half_precision_is_numpys_rounding_in_half_the_bytes():
    written = utterance(widths=VECTORS)
    encoded = records.encode(written, VECTORS, "float16")
    fields = records.decode(tf.constant([encoded]), VECTORS, feature_dtype="float16")
    example = tf.train.Example.FromString(encoded)
    for modality in schema.MODALITIES:
        steps = getattr(written, modality)
        expected = steps.astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(fields[modality][0], expected)
        assert len(example.features.feature[modality].bytes_list.value[0]) == steps.size * 2


@pytest.mark.parametrize(
    ("widths", "change", "problem"),
    [
        (VECTORS, {"text": np.ones((3, 4), np.float32)}, r"text of .*\('time', 5\).*\(3, 4\)"),
        (VECTORS, {"text": np.ones(3, np.int32)}, r"text of .*\('time', 5\).*int32"),
        (WIDTHS, {"text": np.ones((3, 5), np.float32)}, r"text of .*word ids.*\(3, 5\)"),
        (WIDTHS, {"text": np.ones(3, np.float32)}, r"text of .*word ids.*float32"),
        (WIDTHS, {"video": np.ones((3, 5), np.float32)}, r"video of .*\('time', 2\).*\(3, 5\)"),
    ],
)
def test_steps_of_another_kind_or_width_are_refused(widths, change, problem):
    written = dataclasses.replace(utterance(widths=widths), **change)
    with pytest.raises(ValueError, match=problem):
        records.encode(written, widths)


def test_features_beyond_half_precision_are_refused():
    written = utterance()
    written.audio[0, 0] = 1e5
    with pytest.raises(ValueError, match=r"Ses01F_impro01_F000.*--feature_dtype=float32"):
        records.encode(written, WIDTHS, "float16")
