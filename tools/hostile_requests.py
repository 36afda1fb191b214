"""Requests to a served AMH of three modalities: small ones that take much, and honest ones.

Each is the name of a signature and a dict from input to array.
"""

import functools
import io
import wave

import numpy as np
from tensorflow.core.example import example_pb2

RATE = 16000
WIDTHS = {"audio": (120,), "text": (), "video": (2048,)}
DTYPES = {"audio": np.float32, "text": np.int32, "video": np.float32}
FIRST_WORD, LAST_WORD = 2, 50


def _wav(samples):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", None))
        writer.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def _steps(rng, audio=0, text=1, video=0):
    lengths = {"audio": audio, "text": text, "video": video}
    sizes = {modality: (length, *WIDTHS[modality]) for modality, length in lengths.items()}
    return {
        modality: rng.integers(FIRST_WORD, LAST_WORD, size, np.int32)
        if modality == "text"
        else rng.standard_normal(size, np.float32)
        for modality, size in sizes.items()
    }


def _example(utterance):
    example = example_pb2.Example()
    for modality, steps in utterance.items():
        if len(steps):
            example.features.feature[modality].bytes_list.value.append(steps.tobytes())
            example.features.feature[f"{modality}_length"].int64_list.value.append(len(steps))
    return example.SerializeToString()


def _examples(rows, **lengths):
    """Makes a request of one long Example among many of one word."""
    rng = np.random.default_rng(0)
    return batch("classify", [_steps(rng, **lengths)] + [_steps(rng)] * (rows - 1))


def _words(rows, steps):
    """Makes a batch of word ids alone: of sound and pictures there are not even steps."""
    inputs = {}
    for modality, width in WIDTHS.items():
        length = steps if modality == "text" else 0
        inputs[modality] = np.full((rows, length, *width), FIRST_WORD, DTYPES[modality])
        inputs[f"{modality}_length"] = np.full(rows, length, np.int32)
    return "serving_default", inputs


def _raw_inputs(texts, **sound):
    video = np.zeros((len(texts), 0, 2048), np.float32)
    lengths = np.zeros(len(texts), np.int32)
    return {"transcript": np.array(texts, object), **sound, "video": video, "video_length": lengths}


def _wavs(rows, seconds, text=b"hello"):
    contents = [_wav(np.zeros(int(seconds * RATE)))] + [_wav(np.zeros(400))] * (rows - 1)
    return "raw_wav", _raw_inputs([text] * rows, wav_bytes=np.array(contents, object))


def _waveforms(rows, seconds):
    length = np.full(rows, 400, np.int32)
    length[0] = int(seconds * RATE)
    waveform = np.zeros((rows, length[0]), np.float32)
    return "raw", _raw_inputs([b"hello"] * rows, waveform=waveform, waveform_length=length)


_bind = functools.partial
# All fit into the four megabytes that gRPC takes by itself.
ALL = {
    "an Example of 1,000 steps among 999 of a word": _bind(_examples, 1000, audio=1000),
    "of 750 / 128 / 25 steps among 127": _bind(_examples, 128, audio=750, text=128, video=25),
    "of 3,000 / 512 / 100 steps among 31": _bind(_examples, 32, audio=3000, text=512, video=100),
    "of 93 / 16 / 3 steps among 1,023": _bind(_examples, 1024, audio=93, text=16, video=3),
    "of 100 pictures among 999": _bind(_examples, 1000, video=100),
    "20,000 Examples of a word": _bind(_examples, 20000),
    "a WAV of 30 s among 59 of 25 ms": _bind(_wavs, 60, 30),
    "of 30 s among 127": _bind(_wavs, 128, 30),
    "of 30 s among 999": _bind(_wavs, 1000, 30),
    "of 100 s, alone": _bind(_wavs, 1, 100),
    "a waveform of 30 s and one of 25 ms": _bind(_waveforms, 2, 30),
    "word ids, 1,000 rows of 500": _bind(_words, 1000, 500),
    "word ids, 1,000 rows of 16": _bind(_words, 1000, 16),
    "a word each, 100,000 rows": _bind(_words, 100_000, 1),
    "a transcript of a million words": _bind(_wavs, 1, 1, text=b"a " * 1_000_000),
    "of half a million commas": _bind(_wavs, 1, 1, text=b"," * 500_000),
}


def megabytes(request):
    """Returns the size of a request's inputs."""
    arrays = request[1].values()
    return sum(sum(map(len, a.ravel())) if a.dtype == object else a.nbytes for a in arrays) / 2**20


def utterance(signature, rng):
    """Draws an honest utterance of half a second to eight, as a signature takes it."""
    seconds = rng.uniform(0.5, 8)
    words = int(1 + 3 * seconds)
    if signature == "raw_wav":
        text = " ".join(f"key{number}" for number in rng.integers(1, 5, words))
        return _wav(3000 * rng.standard_normal(int(seconds * RATE))), text.encode()
    return _steps(rng, int(100 * seconds), words, int(rng.integers(0, 3 * seconds)))


def batch(signature, utterances):
    """Makes one request of such utterances."""
    if signature == "raw_wav":
        contents, texts = zip(*utterances)
        return signature, _raw_inputs(texts, wav_bytes=np.array(contents, object))
    if signature == "classify":
        return signature, {"inputs": np.array([_example(steps) for steps in utterances], object)}
    inputs = {}
    for modality, width in WIDTHS.items():
        lengths = [len(steps[modality]) for steps in utterances]
        inputs[modality] = np.zeros((len(lengths), max(1, *lengths), *width), DTYPES[modality])
        for row, steps in enumerate(utterances):
            inputs[modality][row, : lengths[row]] = steps[modality]
        inputs[f"{modality}_length"] = np.array(lengths, np.int32)
    return signature, inputs
