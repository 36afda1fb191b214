"""`prepare` is told how the features of folds were made."""

import json
import pickle

import numpy as np
import pytest

from tests import commands, conftest
from tests.commands import assert_refused

KALDI = np.load(conftest.REFERENCE / "kaldi_mfcc.npz")["mfcc_0"]


def prepare(fold, *flags):
    folder = fold.parent / "data"
    prepare = ["-m", "amh_tf.prepare", "--source=folds", f"--source_dir={fold}"]
    finished = commands.run(*prepare, f"--output_dir={folder}", *flags)
    stored = folder / "dataset.json"
    return finished, json.loads(stored.read_text())["features"] if stored.exists() else None


def hear(fold):
    """Puts Kaldi's features into the arrays, of as many steps as there are."""
    for split in ("train", "dev", "test"):
        path = fold / f"{split}_audio_mfcc.npy"
        array = np.load(path)
        array[:] = KALDI[: array.shape[1]]
        np.save(path, array)


def test_folds_do_not_say_it_of_themselves(fold):
    hear(fold)
    finished, features = prepare(fold)
    assert finished.returncode == 0, finished.stderr
    assert features["audio"] == features["video"] == {"kind": "unknown"}
    assert features["text"] == {"kind": "words"}
    assert "audio features: it is not known how they were made" in finished.stdout
    assert "--audio_features=mfcc" in finished.stdout


def test_what_is_said_later_is_noted_and_stays(fold):
    hear(fold)
    _, before = prepare(fold)
    finished, features = prepare(fold, "--audio_features=MFCC")
    assert finished.returncode == 0, finished.stderr
    assert features == {**before, "audio": {"kind": "mfcc", "use_energy": False}}
    finished, features = prepare(fold, "--video_features=another network")
    assert finished.returncode == 0, finished.stderr
    assert features["audio"]["kind"] == "mfcc"
    assert features["video"] == {"kind": "other", "description": "another network"}
    assert "video features: described as 'another network'" in finished.stdout


def test_network_is_known_by_its_weights(fold):
    flags = ["--video_features=resnet101", "--resnet_weights=random", "--noresnet_resize"]
    finished, features = prepare(fold, *flags)
    assert finished.returncode == 0, finished.stderr
    fingerprint = features["video"].pop("fingerprint")
    assert len(fingerprint) == 64
    assert features["video"] == {
        "kind": "resnet101", "weights": "random", "dtype": "float32", "resize": False,
    }  # fmt: skip


@pytest.mark.parametrize("piece", ["\u2581{}", "##{}", "{}."])
def test_pieces_of_words_are_no_words(fold, piece):
    path = fold / "dic.pkl"
    ids = pickle.loads(path.read_bytes())
    ids = {word if number < 2 else piece.format(word): number for word, number in ids.items()}
    path.write_bytes(pickle.dumps(ids))
    finished, features = prepare(fold)
    assert finished.returncode == 0, finished.stderr
    assert features["text"]["kind"] == "other" and "accept no transcripts" in finished.stdout


@pytest.mark.parametrize(
    ("flags", "texts"),
    [
        (["--audio_features=mfcc"], ["not what is declared", "--audio_features='wav2vec"]),
        (["--audio_features="], ["`audio_features` is not a description", "--audio_features"]),
        (["--audio_features=a\nb"], ["`audio_features` is not a description"]),
        (["--use_energy"], ["`use_energy` says nothing", "--audio_features=mfcc"]),
        (
            ["--audio_features=wav2vec 2.0", "--trim_silence=40"],
            ["`trim_silence` says nothing", "--audio_features"],
        ),
        (["--audio_features=mfcc", "--trim_silence=-1"], ["`trim_silence` is out of range"]),
        (["--video_features=resnet101"], ["`resnet_weights` is missing", "--video_features"]),
        (["--resnet_weights=random"], ["`resnet_weights` says nothing", "--video_features"]),
        (
            ["--video_region=face"],
            ["`video_region` is not used by this source", "Leave --video_region out"],
        ),
        (
            ["--source=planted", "--audio_features=mfcc"],
            ["`audio_features` is not used by this source", "Leave --audio_features out"],
        ),
    ],
)
def test_what_cannot_be_is_refused(fold, flags, texts):
    finished, features = prepare(fold, *flags)
    assert_refused(finished, *texts)
    assert features is None
