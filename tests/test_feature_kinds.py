"""Who says how features were made, and what is refused where nobody does."""

import re

import pytest

from amh_tf import feature_kinds

RECORDED = {
    "made_from": "raw recordings",
    "version": feature_kinds.VERSION,
    "modalities": ["audio", "text"],
    "audio": {"use_energy": False},
}
WIDTHS = {"audio": 120, "video": 2048}


@pytest.mark.parametrize(
    ("features", "made"),
    [
        (None, ""),
        ({}, ""),
        # Former versions: recordings, folds.
        (RECORDED, "at"),
        ({**RECORDED, "version": 1}, "t"),
        ({"made_from": "the authors' preprocessed folds"}, "t"),
        ({"made_from": "hearsay", "audio": {"use_energy": True}}, ""),
        # Declared.
        ({"audio": {"kind": "mfcc"}}, "a"),
        ({"video": {"kind": "resnet101"}, "text": {"kind": "words"}}, "tv"),
        ({"audio": {"kind": "other", "description": "wav2vec"}}, ""),
        ({"audio": {"kind": "of a later version"}}, ""),
        # What is said goes before where it comes from.
        ({**RECORDED, "audio": {"kind": "synthetic"}}, "t"),
        # A kind of another modality.
        ({"audio": {"kind": "resnet101"}, "video": {"kind": "mfcc"}}, ""),
    ],
)
def test_features_can_be_made_where_it_is_said_how(features, made):
    for modality in ("audio", "text", "video"):
        wanted = modality[0] in made
        for said in (features, feature_kinds.complete(features)):
            assert feature_kinds.can_make(said, modality) is wanted
            assert (feature_kinds.refusal(said, modality) is None) is wanted


@pytest.mark.parametrize(
    ("features", "modality", "said"),
    [
        (None, "audio", r"it is not known how.*amh_tf\.prepare.*--audio_features=mfcc.*--data_dir"),
        (None, "video", r"--video_features=resnet101 --resnet_weights=FILE"),
        (None, "text", r"it is not known.*Train on a data set"),
        ({"audio": {"kind": "other", "description": "x 1"}}, "audio", r"described as 'x 1'.*=mfcc"),
        ({"audio": {"kind": "synthetic"}}, "audio", r"made of no recording\. Train on"),
        (RECORDED, "video", r"no such modality\. Train on"),
        ({**RECORDED, "version": 1}, "audio", r"another version.*Received: version 1"),
        ({"audio": {"kind": "mel"}}, "audio", r"kind 'mel', which this version does not know"),
    ],
)
def test_refusal_says_why_and_what_mends_it(features, modality, said):
    assert re.search(said, feature_kinds.refusal(features, modality))


@pytest.mark.parametrize(
    ("features", "problem"),
    [
        ({"audio": {"kind": ["mfcc"]}}, r"audio\.(kind|description)"),
        ({"audio": {"kind": ""}}, r"audio\.(kind|description)"),
        (
            {"audio": {"kind": "other", "description": "\x1b[2J"}},
            r"features\.audio\.(kind|description)",
        ),
        ({"video": {"kind": "other", "description": "x" * 201}}, r"features\.video\.description"),
        ({"modalities": 3}, r"features\.modalities"),
        ({"video": {"kind": "other"}}, "no description of the features of video"),
        ({"audio": {"kind": "mfcc"}}, "'mfcc' that are 40 wide"),
        (RECORDED, "'mfcc' that are 40 wide"),
    ],
)
def test_what_strangers_say_is_checked(features, problem):
    with pytest.raises(ValueError, match=problem):
        feature_kinds.check(features, {**WIDTHS, "audio": 40})


def test_features_of_a_later_version_are_read():
    feature_kinds.check({"audio": {"kind": "wav2vec2", "layer": 12}}, {**WIDTHS, "audio": 768})
