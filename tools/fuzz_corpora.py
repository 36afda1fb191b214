"""The parsers that `tools.fuzz` feeds: corpora, recordings and word vectors."""

import functools
import importlib.util
import io

import numpy as np
import scipy.io.wavfile

from amh_tf import schema
from amh_tf.auditing import split_files
from amh_tf.corpora import emobox, iemocap, label_sets, meld, table
from amh_tf.features import decoding, glove, video
from amh_tf.segments import reading
from tools.fuzz_target import Target, of_file

_IEMOCAP = {
    "EmoEvaluation": "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
    "[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]\n"
    "C-E2:\tNeutral;\t()\n\n",
    "transcriptions": "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.\n",
}
_MELD_HEAD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,"
_MELD_HEAD += "StartTime,EndTime\n"
_MELD_ROW = '1,"Oh, my God!",Phoebe,joy,positive,{},7,8,21,"00:16:16,059","00:16:21,731"\n'
_EMOBOX_ROW = '{{"key": "emodb-{0}", "dataset": "emodb", "wav": "downloads/emodb/a.wav", '
_EMOBOX_ROW += '"length": 0.01, "emo": "{1}", "task": "category", "channel": 1}}\n'


def _iemocap(kind, folder):
    dialog = folder / "release" / "Session1" / "dialog"
    for name, text in _IEMOCAP.items():
        (dialog / name).mkdir(parents=True)
        (dialog / name / "Ses01F_impro01.txt").write_text(text)
    path = dialog / kind / "Ses01F_impro01.txt"
    named = (path.name, "--labels")
    return of_file(path, lambda _: iemocap.read(folder / "release"), text=True, named=named)


def _meld(folder):
    for split in ("dev", "test", "train"):
        path = folder / f"{split}_sent_emo.csv"
        path.write_text(_MELD_HEAD + _MELD_ROW.format(1) + _MELD_ROW.format(2))
    named = (path.name, "--labels")
    return of_file(path, lambda _: meld.read(folder), text=True, named=named)


def _emobox(folder):
    corpus, sound = folder / "EmoBox/data/emodb", folder / "EmoBox/downloads/emodb/a.wav"
    for path in (corpus / "fold_1/emodb_train_fold_1.jsonl", sound):
        path.parent.mkdir(parents=True)
    sound.touch()
    (corpus / "fold_1/emodb_train_fold_1.jsonl").write_text(_EMOBOX_ROW.format("a", "anger"))
    seed = (_EMOBOX_ROW.format("b", "anger") + _EMOBOX_ROW.format("c", "joy")).encode()
    path = corpus / "fold_1/emodb_test_fold_1.jsonl"
    named = (path.name, str(corpus), "--labels")
    return of_file(path, lambda _: emobox.read(corpus), seed, text=True, named=named)


def _of_text(name, seed, read, named, folder):
    return of_file(folder / name, read, seed, text=True, named=(name, *named))


def _label_set(folder):
    seeds = [b"ang,exc+hap,sad,neu", b"a:b+c,d:e", b"paper"]
    return Target(seeds, lambda data: label_sets.parse(data.decode("utf-8", "replace")), text=True)


def _glove(folder):
    words = (schema.PADDING_WORD, schema.UNKNOWN_WORD, "the", "a")
    seed = b"the 0.1 0.2 -0.3\n. . 0.5 0.25 1e-3\na 1 2 3\n"
    read = functools.partial(glove.load_glove, vocabulary=words)
    return of_file(folder / "glove.txt", read, seed, text=True)


def _wav(folder):
    seeds, noise = [], np.random.default_rng(0)
    for rate, dtype, shape in ((16000, np.int16, 800), (8000, np.float32, (400, 2))):
        file = io.BytesIO()
        scipy.io.wavfile.write(file, rate, noise.uniform(-1, 1, shape).astype(dtype))
        seeds.append(file.getvalue())
    return of_file(folder / "sound.wav", decoding.load_audio, *seeds)


def _sound(ending, codec, format_name, folder):
    from tests.features import media_files  # needs PyAV

    path = folder / f"sound.{ending}"
    media_files.write_sound(path, codec, seconds=0.2, format_name=format_name)
    return of_file(path, decoding.load_audio)


def _sphere(folder):
    from tests.features import matrix_files

    samples = np.round(3000 * np.sin(np.arange(800) / 5)).astype(np.int16)
    codings = ("pcm", "ulaw", "pcm,embedded-shorten-v2.00")
    seeds = [matrix_files.sphere(coding, samples) for coding in codings]
    return of_file(folder / "sound.sph", decoding.load_audio, *seeds)


def _film(ending, codec, folder):
    from tests.features import media_files

    path = folder / f"film.{ending}"
    media_files.write_picture(path, frames=10, codec=codec)
    return of_file(path, lambda path: list(video.frames_of(path, [(0.0, 0.3, "whole")])))


_bind = functools.partial
_TABLE = (
    b"id,audio,start,end,label\nu1,a.wav,1.5,2.25,joy\nu2,b.wav,,,sad\n",
    b'{"id": "u1", "label": "a", "video": "x.mp4"}\n{"id": 2, "label": "b", "audio": "x"}\n',
)
_SPLITS = (
    b"id,fold,split,speaker\nu1,1,train,a\nu2,1,test,b\nu1,2,test,a\n",
    b'{"id": "u1", "split": "train"}\n{"id": "u2", "split": "test"}\n',
)
_SPAN = b"00:00:01.500 --> 00:00:02.250\n"
_GRID = b'"ooTextFile"\n"TextGrid"\n0\n5\n<exists>\n1\n"IntervalTier"\n"Ann"\n0\n5\n1\n'
_SEGMENTS = {
    "turns.rttm": b"SPEAKER talk 1 3.50 1.25 <NA> <NA> bob <NA> <NA>\n",
    "turns.srt": b"1\n"
    + _SPAN
    + b"Ann: Where?\n\n2\n"
    + _SPAN
    + b"Bob: <i>There</i>\n(sad 0.50)\n",
    "turns.vtt": b"WEBVTT\n\nNOTE\nx\n\n" + _SPAN + b"<v Ann>Where are &amp; who</v>\n",
    "turns.csv": b"start,end,speaker,text,side\n1.5,2.25,Ann,Where?,left\n3,4,,,\n",
    "turns.textgrid": _GRID + b'0.4\n2.4\n"Where ""are"" you?"\n',
    "turns.json": b'{"segments": [{"start": 1.5, "end": 2, "speaker": "Ann", "text": null}]}',
    "turns.txt": b"Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.\nF: Hm.\n",
}
_NEED_PYAV = {
    "wav": _wav,
    "sphere": _sphere,
    "flac": _bind(_sound, "flac", "flac", None),
    "ogg": _bind(_sound, "ogg", "libopus", None),
    "m4a": _bind(_sound, "m4a", "aac", "mp4"),
    "avi": _bind(_film, "avi", "mpeg4"),
    "mp4": _bind(_film, "mp4", "libx264"),
    "mkv": _bind(_film, "mkv", "libx264"),
}
TARGETS = {
    "iemocap_labels": _bind(_iemocap, "EmoEvaluation"),
    "iemocap_transcripts": _bind(_iemocap, "transcriptions"),
    "meld": _meld,
    "table_csv": _bind(_of_text, "table.csv", _TABLE[0], table.read, ("--labels",)),
    "table_jsonl": _bind(_of_text, "table.jsonl", _TABLE[1], table.read, ("--labels",)),
    "label_set": _label_set,
    "glove": _glove,
    "emobox": _emobox,
    "splits_csv": _bind(_of_text, "splits.csv", _SPLITS[0], split_files.read, ()),
    "splits_jsonl": _bind(_of_text, "splits.jsonl", _SPLITS[1], split_files.read, ()),
    **{
        f"segments_{name.rpartition('.')[2]}": _bind(_of_text, name, seed, reading.read, ())
        for name, seed in _SEGMENTS.items()
    },
    **_NEED_PYAV,
}


def missing(name):
    """Returns why a target cannot be fuzzed here, or nothing."""
    absent = name in _NEED_PYAV and importlib.util.find_spec("av") is None
    return "PyAV is not installed" if absent else ""
