import numpy as np

from amh_tf import schema
from amh_tf.corpora import planted


def drawn(seed=1, count=400):
    source = planted.read(seed, {"train": count})
    return source, list(source.utterances())


def test_same_seed_gives_the_same_utterances():
    first, second = drawn(count=5)[1], drawn(count=7)[1]
    for old, new in zip(first, second):
        assert (old.id, old.label) == (new.id, new.label)
        for modality in schema.MODALITIES:
            np.testing.assert_array_equal(getattr(old, modality), getattr(new, modality))


def test_seeds_splits_and_sizes_differ():
    assert drawn(1, 5)[0].fingerprint != drawn(2, 5)[0].fingerprint
    assert drawn(1, 5)[0].fingerprint != drawn(1, 6)[0].fingerprint
    assert not np.array_equal(drawn(1, 1)[1][0].video, drawn(2, 1)[1][0].video)
    source = planted.read(1, {"train": 1, "dev": 1})
    train, dev = source.utterances()
    assert not np.array_equal(train.video, dev.video)


def test_index_says_what_comes():
    source = planted.read(2, {"train": 20, "dev": 3, "test": 3})
    for entry, utterance in zip(source.index, source.utterances(), strict=True):
        assert (entry.id, entry.label) == (utterance.id, utterance.label)
        assert utterance.id.startswith(entry.splits[0]) and "synthetic" in entry.speaker
    assert len({entry.speaker for entry in source.index}) == 10
    assert len({entry.session for entry in source.index}) == 5


def test_shapes_are_as_declared():
    _, utterances = drawn(count=50)
    for utterance in utterances:
        assert utterance.audio.dtype == utterance.video.dtype == np.float32
        assert utterance.text.dtype == np.int32
        assert 30 <= len(utterance.audio) <= 60 and utterance.audio.shape[1] == 120
        assert 8 <= len(utterance.text) <= 14
        assert 6 <= len(utterance.video) <= 10 and utterance.video.shape[1] == 2048


def cues(text):
    """Reads the cues back out of a text: a dict from tag to shown class."""
    ids = [word - planted.FIRST_CUE for word in text]
    return {
        i // planted.CLASSES: i % planted.CLASSES
        for i in ids
        if 0 <= i < planted.TAGS * planted.CLASSES
    }


def test_text_names_the_right_cue_and_it_is_as_reliable_as_declared():
    _, utterances = drawn()
    right, wrong = [], []
    for utterance in utterances:
        tag = utterance.text[0] - planted.FIRST_KEY
        shown = cues(utterance.text)
        assert len(shown) == planted.CUES and tag in shown
        right.append(shown.pop(tag) == utterance.label)
        wrong.extend(label == utterance.label for label in shown.values())
    assert abs(np.mean(right) - planted.RELIABLE) < 0.08
    assert abs(np.mean(wrong) - 1 / planted.CLASSES) < 0.06


def test_video_holds_the_right_cue():
    _, utterances = drawn(count=200)
    generator = planted._Generator(1)
    agrees = []
    for utterance in utterances:
        tag = utterance.text[0] - planted.FIRST_KEY
        prototypes = generator.video_tags[tag] + generator.video_classes
        distance = ((utterance.video[:, None] - prototypes) ** 2).sum(-1)
        agrees.append(distance.min(axis=0).argmin() == utterance.label)
    assert abs(np.mean(agrees) - planted.RELIABLE) < 0.1


def test_source_says_that_it_is_synthetic():
    source, _ = drawn(count=1)
    assert source.synthetic and "synthetic" in source.name
    assert source.embedding.shape == (len(source.vocabulary), 300)


def test_attainable_accuracy_grows_with_the_modalities():
    accuracies = [planted.attainable_accuracy(m, draws=50_000)[0] for m in (0, 1, 3)]
    assert abs(accuracies[0] - planted.PRIOR.max()) < 0.01
    assert abs(accuracies[1] - planted.RELIABLE) < 0.01
    assert abs(accuracies[2] - 0.90) < 0.01
