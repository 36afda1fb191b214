"""Parsers of corpora, recordings and word vectors; some need an extra."""

import importlib
import io

import numpy as np

from amh_tf import schema
from tools import fuzz_target


def _iemocap(name):
    def target(folder):
        module = importlib.import_module("amh_tf.corpora.iemocap")
        dialog = folder / "release" / "Session1" / "dialog"
        texts = {
            "EmoEvaluation": b"% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
            b"[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]\n"
            b"C-E2:\tNeutral;\t()\n\n",
            "transcriptions": b"Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.\n",
        }
        for kind, text in texts.items():
            (dialog / kind).mkdir(parents=True)
            (dialog / kind / "Ses01F_impro01.txt").write_bytes(text)
        path = dialog / name / "Ses01F_impro01.txt"
        return fuzz_target.of_file(
            [texts[name]],
            path,
            lambda _: module.read(folder / "release"),
            text=True,
            named=(path.name, "--labels"),
        )

    return target


def _meld(folder):
    module = importlib.import_module("amh_tf.corpora.meld")
    head = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,"
    head += "StartTime,EndTime\n"
    row = '1,"Oh, my God!",Phoebe,joy,positive,{},7,8,21,"00:16:16,059","00:16:21,731"\n'
    for split in ("train", "dev", "test"):
        (folder / f"{split}_sent_emo.csv").write_text(head + row.format(1))
    seed = (head + row.format(1) + row.format(2)).encode()
    path = folder / "train_sent_emo.csv"
    named = (path.name, "--labels")
    return fuzz_target.of_file([seed], path, lambda _: module.read(folder), True, named)


def _table(name, seed):
    def target(folder):
        module = importlib.import_module("amh_tf.corpora.table")
        named = (name, "--labels")
        return fuzz_target.of_file([seed], folder / name, module.read, text=True, named=named)

    return target


def _label_set(folder):
    module = importlib.import_module("amh_tf.corpora.label_sets")
    seeds = [b"ang,exc+hap,sad,neu", b"a:b+c,d:e", b"paper"]
    return fuzz_target.Target(
        seeds, lambda data: module.parse(data.decode("utf-8", "replace")), text=True
    )


def _glove(folder):
    module = importlib.import_module("amh_tf.features.glove")
    words = (schema.PADDING_WORD, schema.UNKNOWN_WORD, "the", "a")
    seed = b"the 0.1 0.2 -0.3\n. . 0.5 0.25 1e-3\na 1 2 3\n"
    return fuzz_target.of_file(
        [seed], folder / "glove.txt", lambda path: module.load_glove(path, words), text=True
    )


def _wav(folder):
    module = importlib.import_module("amh_tf.features.decoding")
    import scipy.io.wavfile

    seeds = []
    noise = np.random.default_rng(0)
    for rate, dtype, shape in ((16000, np.int16, 800), (8000, np.float32, (400, 2))):
        file = io.BytesIO()
        scipy.io.wavfile.write(file, rate, noise.uniform(-1, 1, shape).astype(dtype))
        seeds.append(file.getvalue())
    return fuzz_target.of_file(seeds, folder / "sound.wav", module.load_audio)


def _avi(folder):
    module = importlib.import_module("amh_tf.features.video")
    made = importlib.import_module("tests.features.media_files")
    made.write_picture(folder / "seed.avi", frames=10, codec="mpeg4")
    seed = (folder / "seed.avi").read_bytes()

    def parse(path):
        list(module.frames_of(path, [(0.0, 0.3, "whole")]))

    return fuzz_target.of_file([seed], folder / "film.avi", parse)


TARGETS = {
    "iemocap_labels": _iemocap("EmoEvaluation"),
    "iemocap_transcripts": _iemocap("transcriptions"),
    "meld": _meld,
    "table_csv": _table(
        "table.csv", b"id,audio,start,end,label\nu1,a.wav,1.5,2.25,joy\nu2,b.wav,,,sad\n"
    ),
    "table_jsonl": _table(
        "table.jsonl",
        b'{"id": "u1", "label": "a", "video": "x.mp4"}\n{"id": 2, "label": "b", "audio": "x"}\n',
    ),
    "label_set": _label_set,
    "glove": _glove,
    "wav": _wav,
    "avi": _avi,
}
NEEDS = {
    "iemocap_labels": ("amh_tf.corpora.iemocap",),
    "iemocap_transcripts": ("amh_tf.corpora.iemocap",),
    "meld": ("amh_tf.corpora.meld",),
    "table_csv": ("amh_tf.corpora.table",),
    "table_jsonl": ("amh_tf.corpora.table",),
    "label_set": ("amh_tf.corpora.label_sets",),
    "glove": ("amh_tf.features.glove",),
    "wav": ("amh_tf.features.decoding", "av"),
    "avi": ("amh_tf.features.video", "av"),
}


def missing(name):
    """Returns why a target cannot be fuzzed here, or nothing."""
    for needed in NEEDS.get(name, ()):
        try:
            importlib.import_module(needed)
        except ImportError as error:
            return str(error)
    return ""
