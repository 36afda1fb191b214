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
    fields = records.decode(tf.constant(records.encode(written)), WIDTHS)
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
        records.decode(tf.constant(example.SerializeToString()), WIDTHS)
