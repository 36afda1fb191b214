"""Requests to a served AMH of three modalities: small ones that take much, and honest ones.

Each is the name of a signature and a dict from input to array.
"""

import io
import wave

import numpy as np
from tensorflow.core.example import example_pb2

RATE = 16000
WIDTHS = {"audio": (120,), "text": (), "video": (2048,)}
DTYPES = {"audio": np.float32, "text": np.int32, "video": np.float32}
FIRST_WORD, LAST_WORD = 2, 50
SILENT = {"audio": 0, "text": 1, "video": 0}


def _wav(samples):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def _example(utterance):
    made = example_pb2.Example()
    for modality, steps in utterance.items():
        if len(steps):
            made.features.feature[modality].bytes_list.value.append(steps.tobytes())
            made.features.feature[f"{modality}_length"].int64_list.value.append(len(steps))
    return made.SerializeToString()


def _steps(lengths, rng):
    made = {}
    for modality, length in lengths.items():
        shape = (length, *WIDTHS[modality])
        if modality == "text":
            made[modality] = rng.integers(FIRST_WORD, LAST_WORD, shape, np.int32)
        else:
            made[modality] = rng.standard_normal(shape, np.float32)
    return made


def _padded(utterances):
    made = {}
    for modality, width in WIDTHS.items():
        lengths = [len(utterance[modality]) for utterance in utterances]
        made[modality] = np.zeros((len(lengths), max(1, *lengths), *width), DTYPES[modality])
        for row, utterance in enumerate(utterances):
            made[modality][row, : lengths[row]] = utterance[modality]
        made[f"{modality}_length"] = np.array(lengths, np.int32)
    return made


def _one_among(rows, **lengths):
    """Makes a request of one long Example among many of one word."""
    rng = np.random.default_rng(0)
    long, short = _steps({**SILENT, **lengths}, rng), _steps(SILENT, rng)
    return batch("classify", [long] + [short] * (rows - 1))


def _words(rows, steps):
    """Makes a batch of word ids alone: of sound and pictures there are not even steps."""
    made = {}
    for modality, width in WIDTHS.items():
        length = steps if modality == "text" else 0
        made[modality] = np.full((rows, length, *width), FIRST_WORD, DTYPES[modality])
        made[f"{modality}_length"] = np.full(rows, length, np.int32)
    return "serving_default", made


def _spoken(rows, text=b"hello", **sound):
    video = {"video": np.zeros((rows, 0, 2048), np.float32)}
    video["video_length"] = np.zeros(rows, np.int32)
    return {"transcript": np.array([text] * rows, object), **sound, **video}


def _wavs(rows, seconds, short=0.025, text=b"hello"):
    files = [_wav(np.zeros(int(length * RATE))) for length in (seconds, short)]
    contents = np.array(files[:1] + files[1:] * (rows - 1), object)
    return "raw_wav", _spoken(rows, text, wav_bytes=contents)


def _waveforms(rows, seconds):
    length = np.full(rows, 400, np.int32)
    length[0] = int(seconds * RATE)
    waveform = np.zeros((rows, length[0]), np.float32)
    return "raw", _spoken(rows, waveform=waveform, waveform_length=length)


# All fit into the four megabytes that gRPC takes by itself.
ALL = {
    "an Example of 1,000 steps among 999 of a word": lambda: _one_among(1000, audio=1000),
    "of 750 / 128 / 25 steps among 127": lambda: _one_among(128, audio=750, text=128, video=25),
    "of 3,000 / 512 / 100 steps among 31": lambda: _one_among(32, audio=3000, text=512, video=100),
    "of 93 / 16 / 3 steps among 1,023": lambda: _one_among(1024, audio=93, text=16, video=3),
    "of 100 pictures among 999": lambda: _one_among(1000, video=100),
    "20,000 Examples of a word": lambda: _one_among(20000),
    "a WAV of 30 s among 59 of 25 ms": lambda: _wavs(60, 30),
    "of 30 s among 127": lambda: _wavs(128, 30),
    "of 30 s among 999": lambda: _wavs(1000, 30),
    "of 100 s, alone": lambda: _wavs(1, 100),
    "a waveform of 30 s and one of 25 ms": lambda: _waveforms(2, 30),
    "word ids, 1,000 rows of 500": lambda: _words(1000, 500),
    "word ids, 1,000 rows of 16": lambda: _words(1000, 16),
    "a word each, 100,000 rows": lambda: _words(100_000, 1),
    "a transcript of a million words": lambda: _wavs(1, 1, text=b"a " * 1_000_000),
    "of half a million commas": lambda: _wavs(1, 1, text=b"," * 500_000),
}


def megabytes(request):
    """Returns the size of a request's inputs."""
    sizes = [
        sum(map(len, array.ravel())) if array.dtype == object else array.nbytes
        for array in request[1].values()
    ]
    return sum(sizes) / 2**20


def utterance(signature, rng):
    """Draws an honest utterance of half a second to eight, as a signature takes it."""
    seconds = rng.uniform(0.5, 8)
    words = int(1 + 3 * seconds)
    if signature == "raw_wav":
        text = " ".join(f"key{number}" for number in rng.integers(1, 5, words))
        return _wav(3000 * rng.standard_normal(int(seconds * RATE))), text.encode()
    pictures = int(rng.integers(0, 3 * seconds))
    return _steps({"audio": int(100 * seconds), "text": words, "video": pictures}, rng)


def batch(signature, utterances):
    """Makes one request of such utterances."""
    if signature == "raw_wav":
        files, texts = (np.array(column, object) for column in zip(*utterances))
        return signature, {**_spoken(len(files), wav_bytes=files), "transcript": texts}
    if signature == "classify":
        return signature, {"inputs": np.array([_example(one) for one in utterances], object)}
    return signature, _padded(utterances)
