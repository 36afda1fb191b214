"""Audits, each kind of leak planted and nothing else."""

import dataclasses
import json

import numpy as np
import pytest

from amh_tf.auditing import audit_subject, duplicates, leaks
from amh_tf.corpora import source
from amh_tf.data import writer
from amh_tf.features import audio
from tests import commands
from tests.auditing.split_tables import write_table
from tests.commands import assert_refused

CLASSES = ("ang", "hap", "sad")
SPLITS = ("train", "dev", "test")


def sound(seed, seconds=1.2):
    """A voice-like sound: a gliding pitch through moving resonances, and noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(16000 * seconds)) / 16000

    def drift(low, high):
        knots = rng.uniform(low, high, 7)
        return np.interp(time, np.linspace(0, seconds, 7), knots)

    pitch = np.cumsum(drift(90, 260)) / 16000
    voice = sum(
        np.exp(-(((number * 150 - drift(300, 3000)) / 500) ** 2))
        * np.sin(2 * np.pi * number * pitch)
        for number in range(1, 16)
    )
    wave = voice * np.clip(drift(-0.3, 1), 0, 1) + 0.003 * rng.standard_normal(len(time))
    return (0.1 * wave).astype(np.float32)


def mfcc(wave):
    return np.asarray(audio.mfcc_with_deltas(wave))


# Eighteen utterances by nine speakers: 12 to train, 3 to select, 3 to test.
WAVES = [sound(number) for number in range(18)]
FEATURES = [mfcc(wave) for wave in WAVES]


def clean():
    """An index and features without any leak, a dict of lists that tests may change."""
    splits = ["train"] * 12 + ["dev"] * 3 + ["test"] * 3
    index = [
        source.Entry(
            id=f"u{number:02d}",
            label=number % 3,
            splits=(split,),
            speaker=f"{split}{number % 5}",
            sentence=f"This is sentence {number}.",
        )
        for number, split in enumerate(splits)
    ]
    return {"index": index, "features": list(FEATURES)}


def write(planted, folder):
    utterances = [
        source.Utterance(e.id, e.label, f, np.array([2], np.int32), np.zeros((0, 3), np.float32))
        for e, f in zip(planted["index"], planted["features"], strict=True)
    ]
    made = source.Source(
        name="planted leaks (synthetic)",
        synthetic=True,
        classes=CLASSES,
        widths={"audio": 120, "video": 3},
        vocabulary=("", "<unk>", "word"),
        embedding=None,
        index=tuple(planted["index"]),
        utterances=lambda: iter(utterances),
        fingerprint="leaks",
        features={"audio": {"kind": planted.get("kind", "mfcc")}},
    )
    return writer.write(made, folder)


def report_of(planted, folder):
    return leaks.report(audit_subject.of_folder(write(planted, folder)))


def change(planted, number, **fields):
    planted["index"][number] = dataclasses.replace(planted["index"][number], **fields)


def share_speaker(planted):
    change(planted, 16, speaker=planted["index"][3].speaker)


def share_sentence(planted):
    change(planted, 16, sentence="this is... SENTENCE 3!")


def copy(planted):
    planted["features"][16] = planted["features"][3]


def copy_softer(planted):
    softer = np.round(WAVES[3] * 0.3 * 32768) / 32768
    planted["features"][16] = mfcc(softer.astype(np.float32))


def copy_cut(planted):
    planted["features"][16] = mfcc(WAVES[3][1290:])


def lose_class(planted):
    change(planted, 17, label=0)


def totals(fold):
    return {kind: found["test_utterances"] for kind, found in fold["shared"].items()}


NOTHING = {"speakers": 0, "sentences": 0, "recordings": 0, "near_recordings": 0}
ALL_YES = dict.fromkeys(list(leaks.CLAIMS)[:4], "yes") | {"enough_test_speakers": "no"}


@pytest.mark.parametrize(
    ("plant", "shared", "claim", "leaks", "reason"),
    [
        (None, None, None, [], ""),
        (share_speaker, "speakers", "speaker_independent", ["speakers"], "'train3'"),
        (share_sentence, "sentences", "sentence_independent", ["sentences"], "this is sentence 3"),
        (copy, "recordings", "free_of_duplicates", ["recordings"], "'u03'"),
        (copy_softer, "near_recordings", "free_of_duplicates", ["recordings"], "'u03'"),
        (copy_cut, "near_recordings", "free_of_duplicates", ["recordings"], "'u03'"),
        (lose_class, None, "every_class_in_test", [], "no sad"),
    ],
)
def test_each_planted_leak_is_found_and_nothing_else(plant, shared, claim, leaks, reason, tmp_path):
    planted = clean()
    if plant:
        plant(planted)
    found = report_of(planted, tmp_path / "set")
    ((fold,),) = [protocol["folds"] for protocol in found["protocols"]]
    assert totals(fold) == NOTHING | ({shared: 1} if shared else {})
    answers = {name: each["answer"] for name, each in fold["claims"].items()}
    assert answers == ALL_YES | ({claim: "no"} if claim else {})
    assert found["leaks"] == leaks
    if claim:
        assert reason in fold["claims"][claim]["reason"]
        assert reason in found["protocols"][0]["claims"][claim]["reason"]
    if shared:
        pairs = {pair: fold["shared"][shared][pair] for pair in ("train-dev", "dev-test")}
        assert fold["shared"][shared]["train-test"] == 1 and not any(pairs.values())
    assert fold["splits"]["test"]["utterances"] == 3 and fold["splits"]["test"]["speakers"] == 3
    assert fold["splits"]["train"]["classes"] == {"ang": 4, "hap": 4, "sad": 4}
    assert json.loads(json.dumps(found)) == found


def test_copies_within_a_split_are_listed_and_are_no_leak(tmp_path):
    planted = clean()
    planted["features"][4] = planted["features"][3]
    found = report_of(planted, tmp_path / "set")
    assert found["recordings"] == {
        "compared": 18,
        "near_compared": 18,
        "identical": [["u03", "u04"]],
        "near": [],
    }
    assert found["leaks"] == []


def test_what_is_not_known_is_told(tmp_path):
    planted = clean()
    change(planted, 16, speaker="")
    change(planted, 2, sentence="")
    planted["features"][5] = np.zeros((0, 120), np.float32)
    found = report_of(planted, tmp_path / "set")
    claims = found["protocols"][0]["claims"]
    assert {name: each["answer"] for name, each in claims.items()} == {
        "speaker_independent": "unknown",
        "sentence_independent": "unknown",
        "free_of_duplicates": "unknown",
        "every_class_in_test": "yes",
        "enough_test_speakers": "unknown",
    }
    assert claims["free_of_duplicates"]["reason"] == "1 utterances have no recording to compare"


@pytest.mark.parametrize("kind", ["unknown", "synthetic"])
def test_changed_copies_are_not_looked_for_in_other_features(kind, tmp_path):
    planted = clean() | {"kind": kind}
    copy_softer(planted)
    found = report_of(planted, tmp_path / "set")
    claim = found["protocols"][0]["claims"]["free_of_duplicates"]
    assert claim["answer"] == "unknown" and "18 utterances have no MFCC" in claim["reason"]
    assert (found["recordings"]["compared"], found["recordings"]["near_compared"]) == (18, 0)


@pytest.mark.parametrize("kind", ["voice", "noise", "tone", "features", "silence"])
def test_distinct_recordings_are_no_near_duplicates(kind):
    rng = np.random.default_rng(1)
    sounds = duplicates.Sounds()
    for number in range(40):
        if kind == "voice":
            frames = mfcc(sound(100 + number))
        elif kind == "noise":
            frames = mfcc(0.1 * rng.standard_normal(16000).astype(np.float32))
        elif kind == "tone":
            time = np.arange(16000) / 16000
            frames = mfcc(np.sin(2 * np.pi * (200 + 7 * number) * time).astype(np.float32) / 2)
        elif kind == "silence":
            frames = mfcc(1e-4 * rng.standard_normal(16000).astype(np.float32))
        else:
            frames = rng.standard_normal((30, 120)).astype(np.float32)
        sounds.add(duplicates.digest(frames.tobytes()), frames)
    assert sounds.same() == [] and sounds.near() == []


@pytest.mark.parametrize(
    "changed",
    [
        lambda wave, rng: wave * 3,
        lambda wave, rng: wave[:-1700],
        lambda wave, rng: wave[80:],
        lambda wave, rng: np.pad(wave, (1600, 0)),
        lambda wave, rng: wave + 1e-4 * rng.standard_normal(len(wave)),
    ],
    ids=["louder", "cut", "half a frame", "padded", "noise"],
)
def test_changed_copies_are_near_duplicates(changed):
    rng = np.random.default_rng(2)
    sounds = duplicates.Sounds()
    copies = [mfcc(changed(wave, rng).astype(np.float32)) for wave in WAVES[:6]]
    for frames in (*FEATURES, *copies):
        sounds.add(duplicates.digest(frames.tobytes()), frames)
    assert [pair[:2] for pair in sounds.near()] == [(n, 18 + n) for n in range(6)]


def test_blocks_of_similarities_find_the_same(monkeypatch):
    sounds = duplicates.Sounds()
    for frames in (*FEATURES, *(each + np.float32(0.01) for each in FEATURES)):
        sounds.add(duplicates.digest(frames.tobytes()), frames)
    whole = sounds.near()
    monkeypatch.setattr(duplicates, "_BLOCK", 5)
    assert [pair[:2] for pair in whole] == [(n, 18 + n) for n in range(18)]
    assert [pair[:2] for pair in sounds.near()] == [pair[:2] for pair in whole]


def test_command_reports_and_under_strict_fails(tmp_path):
    planted = clean()
    share_speaker(planted)
    data = write(planted, tmp_path / "set")
    command = ("-m", "amh_tf.audit", f"--data_dir={data.folder}")
    finished = commands.run(*command, f"--output_json={tmp_path / 'audit.json'}")
    assert finished.returncode == 0, finished.stderr
    assert "speaker-independent" in finished.stdout and "Protocol given" in finished.stdout
    stored = json.loads((tmp_path / "audit.json").read_text())
    assert stored["leaks"] == ["speakers"]
    finished = commands.run(*command, "--format=json", "--strict")
    assert_refused(finished, "has leaks", "speakers", "--leaks")
    assert json.loads(finished.stdout) == stored
    finished = commands.run(*command, "--strict", "--leaks=recordings")
    assert finished.returncode == 0, finished.stderr
    assert_refused(commands.run("-m", "amh_tf.audit"), "nothing to audit", "--splits")
    assert_refused(commands.run(*command, "--leaks=all"), "`leaks` is not known")


def test_command_compares_the_recordings_of_others(tmp_path):
    from scipy.io import wavfile

    rows = []
    for number, wave in enumerate([*WAVES[:6], 0.5 * WAVES[1]]):
        name = f"{number}.wav"
        wavfile.write(tmp_path / name, 16000, np.round(wave * 32767).astype(np.int16))
        split = "test" if number > 4 else "train"
        rows.append({"id": f"u{number}", "split": split, "audio": name})
    (tmp_path / "5.wav").write_bytes((tmp_path / "2.wav").read_bytes())
    path = write_table(tmp_path / "splits.csv", rows)
    finished = commands.run("-m", "amh_tf.audit", f"--splits={path}", "--format=json")
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    assert found["recordings"]["identical"] == [["u2", "u5"]]
    assert [each["ids"] for each in found["recordings"]["near"]] == [["u1", "u6"]]
    (tmp_path / "3.wav").write_bytes(b"RIFF")
    assert_refused(commands.run("-m", "amh_tf.audit", f"--splits={path}"), "3.wav")
