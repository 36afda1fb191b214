"""The model in export/models/ravdess answers a recording, and goes on doing so."""

import json
import math
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from amh_tf import feature_kinds, models
from amh_tf.runs import run_folder, run_inputs
from tests import commands

MODEL = Path(__file__).parents[2] / "export" / "models" / "ravdess"
# What it said of `vowel` when it was trained: this sound is nobody's voice, and stands for nothing.
PINNED = {
    "neutral": 0.1064,
    "calm": 0.0307,
    "happy": 0.2795,
    "sad": 0.0265,
    "angry": 0.4689,
    "fearful": 0.0167,
    "disgust": 0.0709,
    "surprised": 0.0003,
}


def vowel(path):
    """Writes two seconds of pulses at a falling pitch through two resonances, silence around."""
    rate = 16000
    time = np.arange(2 * rate) / rate
    phase = np.cumsum(180 - 30 * time) / rate
    pulses = np.diff(np.floor(phase), prepend=0)
    sound = np.zeros_like(time)
    for hertz, width in ((700, 80), (1200, 90)):
        decay = math.exp(-math.pi * width / rate)
        state = [0.0, 0.0]
        for at, pulse in enumerate(pulses):
            value = pulse + 2 * decay * math.cos(2 * math.pi * hertz / rate) * state[0]
            value -= decay * decay * state[1]
            state = [value, state[0]]
            sound[at] += value
    sound *= np.hanning(len(sound)) / np.abs(sound).max() / 2
    silence = np.zeros(rate // 2)
    samples = np.concatenate([silence, sound, silence])
    wavfile.write(path, rate, np.round(samples * 32767).astype(np.int16))
    return path


def test_model_answers_as_it_did(tmp_path):
    finished = commands.run(
        "-m",
        "amh_tf.predict",
        f"--run_dir={MODEL}",
        f"--audio={vowel(tmp_path / 'vowel.wav')}",
        f"--attention={tmp_path / 'out.png'}",
        "--format=json",
    )
    assert finished.returncode == 0, finished.stderr
    answer = json.loads(finished.stdout)
    assert answer["trained_on"] == "RAVDESS"
    assert (tmp_path / "out.png").stat().st_size > 10_000
    for name, probability in PINNED.items():
        assert abs(answer["probabilities"][name] - probability) < 2e-3, answer
    assert len(PINNED) == len(answer["probabilities"]) == 8


def test_folder_is_small_licensed_and_says_what_it_is_worth():
    assert sum(path.stat().st_size for path in MODEL.iterdir()) < 3_000_000
    licence = (MODEL / "LICENSE").read_text(encoding="utf-8")
    assert "CC BY-NC-SA 4.0" in licence and "Livingstone" in licence
    card = (MODEL / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "has not heard" in card and "24 professional actors" in card and "must not" in card
    folder = run_folder.RunFolder(MODEL)
    settings = folder.load_config()
    assert len(models.members(folder.load_model())) == len(settings.seeds) == 3
    features = run_inputs.load(MODEL, settings).features
    assert features["audio"]["kind"] == "mfcc" and feature_kinds.can_make(features, "audio")
    # Nothing of the machine that it was trained on.
    assert settings.data.data_dir == "ravdess"
