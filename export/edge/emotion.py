"""Emotion of a recording on a small device, with LiteRT and NumPy alone:

python emotion.py --model=amh_int8.tflite --tables=DIR/edge/assets.extra --audio=clip.wav \
    --text="I told you!"

DIR is what `python -m amh_tf.export` wrote. Copy this file, the model and the three tables to the
device; pip install ai-edge-litert numpy.
"""

import argparse
import json
import os
import re
import sys
import wave
from pathlib import Path

import numpy as np
from ai_edge_litert import interpreter

RATE, FRAME, STEP, FFT = 16000, 400, 160, 512
MARGIN = 5  # frames that stay around what is loud
REACH = 4  # frames on either side that the derivatives look at
BLOCK = 1024  # frames that are computed at a time
UNKNOWN = 1
MADE_HERE = {"audio": "mfcc", "text": "words"}
DOTTED_I = "\u0130"  # lower-cased in two ways


def read_wav(path):
    """Reads 16-bit PCM at 16 kHz: `(samples,)` in the scale of 16-bit integers."""
    with wave.open(str(path)) as file:
        if (file.getframerate(), file.getsampwidth()) != (RATE, 2):
            raise ValueError(f"{path}: expected 16 bits at {RATE} Hz")
        promised = file.getnframes()
        raw = np.frombuffer(file.readframes(promised), "<i2").reshape(-1, file.getnchannels())
    if len(raw) < max(promised, FRAME):
        raise ValueError(f"{path}: cut short, or shorter than one frame of 25 ms")
    return raw[:, 0] if raw.shape[1] == 1 else raw.mean(axis=1, dtype=np.float32)


def _mel_filters():
    def mel(hertz):
        return 1127 * np.log1p(np.asarray(hertz) / 700)

    edges = np.linspace(mel(20), mel(RATE / 2), 42)
    bins = mel(np.arange(FFT // 2 + 1) * RATE / FFT)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(np.minimum(rising, falling), 0)
    filters[-1] = 0
    return filters


def mfcc(samples, recipe=None):
    """Computes 40 MFCC as Kaldi's, with both derivatives: `(frames, 120)`.

    Args:
        samples: `(samples,)` in the scale of 16-bit integers.
        recipe: What `edge.json` says of the features; MFCC alone without it.
    """
    recipe = recipe or {}
    energy = bool(recipe.get("use_energy"))
    count = 1 + (len(samples) - FRAME) // STEP
    start, end = _span(samples, count, recipe, energy)
    # However long the recording is, only what is kept is computed, and what its derivatives need.
    first, last = max(start - REACH, 0), min(end + REACH, count)
    cepstrum = _cepstrum(samples, first, last, energy)
    extended = np.pad(cepstrum, [(REACH, REACH), (0, 0)], mode="edge")
    slope = np.array([-2, -1, 0, 1, 2]) / 10
    parts = [cepstrum]
    for taps in (np.pad(slope, 2), np.convolve(slope, slope)):
        parts.append(sum(tap * extended[i : i + len(cepstrum)] for i, tap in enumerate(taps)))
    return np.concatenate(parts, axis=1).astype(np.float32)[start - first : end - first]


def _span(samples, count, recipe, energy):
    """Leaves out the silence around what is said, and what is too long: first and last frame."""
    most = recipe.get("max_lengths", {}).get("audio", count)
    if not recipe.get("trim_silence"):
        return 0, min(count, most)
    blocks = [
        _cepstrum(samples, first, min(first + BLOCK, count), energy)[:, 0]
        for first in range(0, count, BLOCK)
    ]
    level = np.concatenate(blocks).astype(np.float32)
    decibels = recipe["trim_silence"] * np.log(10) / 10 * (1 if energy else np.sqrt(40))
    loud = np.flatnonzero(level >= level.max() - decibels)
    start = max(loud[0] - MARGIN, 0)
    return start, min(loud[-1] + 1 + MARGIN, count, start + most)


def _cepstrum(samples, first, last, energy):
    """Computes 40 MFCC of some frames: `(last - first, 40)`."""
    places = np.arange(first, last)[:, None] * STEP + np.arange(FRAME)
    frames = samples[places].astype(np.float64)
    frames -= frames.mean(axis=1, keepdims=True)
    previous = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    windowed = (frames - 0.97 * previous) * np.hamming(FRAME)
    power = np.abs(np.fft.rfft(windowed, FFT)) ** 2
    logs = np.log(np.maximum(power @ _mel_filters(), np.finfo(np.float32).eps))
    k = np.arange(40)
    cosines = np.sqrt(2 / 40) * np.cos(np.pi / 40 * (k[:, None] + 0.5) * k)
    cosines[:, 0] = np.sqrt(1 / 40)
    cepstrum = logs @ (cosines * (1 + 11 * np.sin(np.pi * k / 22)))
    if energy:
        power = np.maximum((frames**2).sum(axis=1), np.finfo(np.float32).eps)
        cepstrum[:, 0] = np.log(power)
    return cepstrum


def word_ids(text, words, rules):
    """Cuts a transcript into words, as training and the server do, and looks them up.

    Args:
        text: The transcript.
        words: The words in the order of their ids.
        rules: What `edge.json` says: pairs of a pattern and what takes its place.
    """
    text = f" {text.replace(DOTTED_I, 'i').lower()} "
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text, flags=re.ASCII)
    ids = {word: number for number, word in enumerate(words)}
    return np.array([ids.get(word, UNKNOWN) for word in text.split(" ") if word], np.int32)


def check(recipe, modality):
    """Ends the script where the model's features are not made as this file makes them.

    Args:
        recipe: What `edge.json` says.
        modality: "audio" or "text".
    """
    if "features" not in recipe:
        sys.exit("error: edge.json does not say how features are made. Expected an export of this "
                 "version.")  # fmt: skip
    source = recipe["features"].get(modality)
    if source is None:
        sys.exit(f"error: the model reads no {modality}. Leave --{modality} out.")
    if source["refusal"] or source["kind"] != MADE_HERE[modality]:
        sys.exit(f"error: {source['refusal'] or source['kind']}")


def answer(model, features):
    """Runs the model.

    Args:
        model: Path of the TFLite file.
        features: Dict from modality to `(time, width)` features or `(time,)` word ids; what
            the model reads besides is absent.

    Returns:
        Probabilities `(classes,)`.
    """
    run = interpreter.Interpreter(str(model)).get_signature_runner()
    inputs = {}
    for name, described in run.get_input_details().items():
        if name.endswith("_length"):
            continue
        modality, _, statistic = name.partition("_")
        if statistic:  # mean or deviation of a speaker, of whom this recording is all that is known
            steps = features.get(modality, np.zeros((1, described["shape"][-1])))
            inputs[name] = getattr(steps, {"mean": "mean", "deviation": "std"}[statistic])(axis=0)[
                None
            ]
            inputs[name] = inputs[name].astype(np.float32)
            continue
        width = tuple(int(size) for size in described["shape_signature"][2:])
        steps = features.get(name, np.zeros((0, *width)))
        inputs[f"{name}_length"] = np.array([len(steps)], np.int32)
        # The file wants one step at least; a length of 0 says that it is none.
        steps = steps if len(steps) else np.zeros((1, *width))
        inputs[name] = steps[None].astype(described["dtype"])
    return run(**inputs)["probabilities"][0]


def main():
    """Answers by the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    path = {"type": os.path.expanduser}
    parser.add_argument("--model", required=True, **path)
    parser.add_argument(
        "--tables", required=True, help="folder of classes.txt, edge.json, vocabulary.txt", **path
    )
    parser.add_argument("--audio", help="WAV file, 16-bit PCM at 16 kHz", **path)
    parser.add_argument("--text", default="", help="transcript")
    flags = parser.parse_args()
    recipe = json.loads(Path(flags.tables, "edge.json").read_text(encoding="utf-8"))
    features = {}
    if flags.audio:
        check(recipe, "audio")
        features["audio"] = mfcc(read_wav(flags.audio), recipe)
    if flags.text:
        check(recipe, "text")
        words = Path(flags.tables, "vocabulary.txt").read_text(encoding="utf-8").split("\n")[:-1]
        if "text_rules" not in recipe:
            sys.exit("error: edge.json has no text_rules. Expected an export of this version.")
        ids = word_ids(flags.text, words, recipe["text_rules"])
        features["text"] = ids[: recipe.get("max_lengths", {}).get("text")]
    probabilities = answer(flags.model, features)
    if np.isnan(probabilities).any():
        sys.exit("error: the model cannot answer this. Expected --audio or --text.")
    classes = Path(flags.tables, "classes.txt").read_text(encoding="utf-8").split("\n")
    for index in np.argsort(-probabilities):
        print(f"{probabilities[index]:.3f}  {classes[index]}")


if __name__ == "__main__":
    main()
