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


def _emobox(folder):
    module = importlib.import_module("amh_tf.corpora.emobox")
    corpus = folder / "EmoBox" / "data" / "emodb"
    (corpus / "fold_1").mkdir(parents=True)
    sound = folder / "EmoBox" / "downloads" / "emodb"
    sound.mkdir(parents=True)
    (sound / "a.wav").touch()
    line = '{{"key": "emodb-{0}", "dataset": "emodb", "wav": "downloads/emodb/a.wav", '
    line += '"length": 0.01, "emo": "{1}", "task": "category", "channel": 1}}\n'
    for split in ("train", "test"):
        path = corpus / "fold_1" / f"emodb_{split}_fold_1.jsonl"
        path.write_text(line.format(split, "anger"))
    seed = (line.format("b", "anger") + line.format("c", "joy")).encode()
    named = (path.name, str(corpus), "--labels")
    return fuzz_target.of_file([seed], path, lambda _: module.read(corpus), True, named)


def _splits(name, seed):
    def target(folder):
        module = importlib.import_module("amh_tf.auditing.split_files")
        return fuzz_target.of_file([seed], folder / name, module.read, text=True)

    return target


def _sound(ending, codec, format_name=None):
    """Damages sound as FFmpeg's encoders write it."""

    def target(folder):
        module = importlib.import_module("amh_tf.features.decoding")
        written = importlib.import_module("tests.features.media_files")
        seed = folder / f"seed.{ending}"
        written.write_sound(seed, codec, seconds=0.2, format_name=format_name)
        path = folder / f"sound.{ending}"
        return fuzz_target.of_file([seed.read_bytes()], path, module.load_audio)

    return target


def _sphere(folder):
    module = importlib.import_module("amh_tf.features.decoding")
    written = importlib.import_module("tools.matrix_files")
    samples = np.round(3000 * np.sin(np.arange(800) / 5)).astype(np.int16)
    codings = ("pcm", "ulaw", "pcm,embedded-shorten-v2.00")
    seeds = [written.sphere(coding, samples) for coding in codings]
    return fuzz_target.of_file(seeds, folder / "sound.sph", module.load_audio)


def _film(ending, codec):
    def target(folder):
        module = importlib.import_module("amh_tf.features.video")
        written = importlib.import_module("tests.features.media_files")
        seed = folder / f"seed.{ending}"
        written.write_picture(seed, frames=10, codec=codec)

        def parse(path):
            list(module.frames_of(path, [(0.0, 0.3, "whole")]))

        return fuzz_target.of_file([seed.read_bytes()], folder / f"film.{ending}", parse)

    return target


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
    "sphere": _sphere,
    "flac": _sound("flac", "flac"),
    "ogg": _sound("ogg", "libopus"),
    "m4a": _sound("m4a", "aac", "mp4"),
    "avi": _film("avi", "mpeg4"),
    "mp4": _film("mp4", "libx264"),
    "mkv": _film("mkv", "libx264"),
    "emobox": _emobox,
    "splits_csv": _splits(
        "splits.csv", b"id,fold,split,speaker\nu1,1,train,a\nu2,1,test,b\nu1,2,test,a\n"
    ),
    "splits_jsonl": _splits(
        "splits.jsonl", b'{"id": "u1", "split": "train"}\n{"id": "u2", "split": "test"}\n'
    ),
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
    **dict.fromkeys(("sphere", "flac", "ogg", "m4a"), ("amh_tf.features.decoding", "av")),
    **dict.fromkeys(("avi", "mp4", "mkv"), ("amh_tf.features.video", "av")),
}


def missing(name):
    """Returns why a target cannot be fuzzed here, or nothing."""
    for needed in NEEDS.get(name, ()):
        try:
            importlib.import_module(needed)
        except ImportError as error:
            return str(error)
    return ""
