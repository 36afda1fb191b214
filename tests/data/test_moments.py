"""Moments against NumPy, in one pass and joined from parts."""

import dataclasses

import numpy as np
import pytest

from amh_tf.data import folds, moments, utterances, writer
from tests.conftest import compact_source

RNG = np.random.default_rng(4)
STEPS = (RNG.standard_normal((90, 3)) * [1, 50, 0] + [0, 500, 0.1]).astype(np.float32)


@pytest.mark.parametrize("cuts", [[], [1], [0, 30, 30, 89]], ids=str)
def test_moments_equal_numpy_however_the_steps_are_cut(cuts):
    total = sum(map(moments.Moments.of, np.split(STEPS, cuts)), moments.Moments.none(3))
    assert total.count == 90
    np.testing.assert_allclose(total.mean, STEPS.mean(axis=0, dtype=np.float64), rtol=1e-12)
    expected = STEPS.std(axis=0, dtype=np.float64)
    np.testing.assert_allclose(total.deviation()[:2], expected[:2], rtol=1e-10)
    assert total.deviation()[2] == 0  # 0.1 does not vary, whatever its rounding


def test_no_steps_have_no_deviation():
    nothing = moments.Moments.none(2) + moments.Moments.of(np.zeros((0, 2)))
    assert nothing.count == 0 and not nothing.deviation().any()


@pytest.fixture
def data(compact, tmp_path):
    return writer.write(compact, tmp_path / "data", protocols=["session"])


@pytest.fixture
def compact():
    return compact_source()


def steps_of(read, modality, chosen):
    pairs = zip(read.index, read.utterances(), strict=True)
    return np.concatenate([getattr(u, modality) for e, u in pairs if chosen(e)])


@pytest.mark.parametrize("modality", ["audio", "video"])
def test_training_part_and_speakers_have_their_own(data, compact, modality):
    fold = folds.choose(data, "session", 1)
    sessions = {"s0": "train", "s1": "test", "s2": "dev"}
    expected = steps_of(compact, modality, lambda e: sessions[e.session] == "train")
    found = moments.of_train(fold, modality)
    assert found.count == len(expected)
    np.testing.assert_allclose(found.mean, expected.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.deviation(), expected.std(axis=0), rtol=1e-5)
    speakers = moments.of_speakers(data, modality)
    assert list(speakers) == ["s0F", "s1F", "s2F", "s0M", "s1M", "s2M"]
    own = steps_of(compact, modality, lambda e: e.speaker == "s2M")
    np.testing.assert_allclose(speakers["s2M"].deviation(), own.std(axis=0), rtol=1e-5)


def test_unknown_speakers_are_refused(compact, tmp_path):
    index = tuple(dataclasses.replace(entry, speaker="") for entry in compact.index)
    silent = dataclasses.replace(compact, index=index, fingerprint="silent")
    data = writer.write(silent, tmp_path / "data", protocols=["session"])
    with pytest.raises(ValueError, match=r"does not say who speaks.*--standardize=global"):
        moments.of_speakers(data, "audio")


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("utterances.csv", b"id,part\nu1,s1\n", r"the columns id,part.*Prepare"),
        ("utterances.csv", b"\xff\xfe", r"utterances\.csv.*cannot be read"),
        ("moments.npy", b"\x93NUMPY", r"moments\.npy.*cannot be read"),
        ("utterances.csv", None, r"utterances\.csv.*cannot be read"),
    ],
)
def test_damaged_tables_are_named(data, file, damage, message):
    path = data.folder / file
    path.unlink() if damage is None else path.write_bytes(damage)
    with pytest.raises(ValueError, match=message):
        moments.of_speakers(data, "audio")


def test_exchanged_utterance_is_noticed(data):
    path = data.folder / "utterances.csv"
    head, _, *rest = path.read_text().splitlines()
    path.write_text("\n".join([head, *rest, rest[0]]) + "\n")
    with pytest.raises(ValueError, match=r"an id twice|other utterances than"):
        utterances.read(data)


def test_utterances_are_read_as_written(data, compact):
    found = utterances.read(data)
    assert [(u.id, u.speaker, u.session) for u in found] == [
        (e.id, e.speaker, e.session) for e in compact.index
    ]
    assert [compact.classes.index(u.label) for u in found] == [e.label for e in compact.index]


def test_data_of_former_versions_says_so(data):
    old = dataclasses.replace(data, utterances_file=None, moments_file=None)
    with pytest.raises(ValueError, match=r"earlier version.*Prepare it again"):
        moments.of_speakers(old, "audio")


def test_who_speaks_is_looked_up_by_id(data, compact):
    entries = [compact.index[number] for number in (7, 0, 30)]
    found = utterances.about(data, [entry.id for entry in entries])
    assert found["speakers"] == [entry.speaker for entry in entries]
    assert found["sexes"] == found["sentences"] == ["", "", ""]


def test_nothing_is_known_in_data_of_former_versions(data):
    old = dataclasses.replace(data, utterances_file=None, moments_file=None)
    assert utterances.about(old, ["u000"]) == {}


def test_utterance_that_is_not_listed_is_refused(data):
    with pytest.raises(ValueError, match=r"utterances\.csv' lacks utterances.*'u999'"):
        utterances.about(data, ["u000", "u999"])
