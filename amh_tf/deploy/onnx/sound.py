"""MFCC with derivatives as a graph: a waveform in, what the model reads out.

The mathematics is that of `features.audio`. The discrete Fourier transform of a frame, its window
and its pre-emphasis are linear, so that they are one matrix product, which runtimes do fast
everywhere.
"""

import numpy as np
import onnx

from amh_tf.deploy.onnx import description
from amh_tf.deploy.onnx.graph import Graph
from amh_tf.features import audio, silence
from amh_tf.runs.trained import Trained

# A frame is five such blocks, and begins two after the one before.
_BLOCK = 80
_BLOCKS = audio.FRAME_LENGTH // _BLOCK


def build(trained: Trained) -> onnx.ModelProto:
    """Builds the graph from `waveform` (batch, samples), in +-1 at 16 kHz, at least 400 samples.

    Output: `audio` (batch, frames, 120), of every whole frame. Derivatives repeat the first and
    the last frame, so that those of the outer 4 frames of a piece are not those of the whole. Where
    silence around utterances was left out in training, `audio_start` and `audio_length` (batch,)
    say which frames are to be kept.

    Args:
        trained: `amh_tf.runs.trained.Trained`, whose sound is MFCC as made here.
    """
    inputs = trained.inputs
    graph = Graph()
    waveform = graph.input("waveform", np.float32, ["batch", "samples"])
    coefficients = _coefficients(graph, _frames(graph, waveform), inputs.use_energy)
    shape = ["batch", "frames", 3 * audio.NUM_COEFFICIENTS]
    graph.output("audio", _with_derivatives(graph, coefficients), np.float32, shape)
    if inputs.trim_silence:
        span = _span(graph, coefficients, inputs.trim_silence, inputs.use_energy)
        for name, value in zip(("audio_start", "audio_length"), span):
            value = graph.op("Cast", value, to=onnx.TensorProto.INT32)
            graph.output(name, value, np.int32, ["batch"])
    return graph.model("features", description.of(trained))


def _frames(graph, waveform):
    """Cuts a waveform into frames, `(batch, frames, 400)`."""
    samples = graph.op("Shape", waveform, start=1, end=2)
    rest = graph.integers([audio.FRAME_LENGTH - audio.FRAME_STEP])
    step = graph.integers([audio.FRAME_STEP])
    count = graph.op("Div", graph.op("Sub", samples, rest), step)
    end = graph.op("Add", graph.op("Mul", count, step), rest)
    first, last = graph.integers([0]), graph.integers([1])
    whole = graph.op("Slice", waveform, first, end, last)
    scaled = graph.op("Mul", whole, graph.floats(audio.INT16_SCALE))
    blocks = graph.op("Reshape", scaled, graph.integers([0, -1, _BLOCK]))
    every = audio.FRAME_STEP // _BLOCK
    parts = []
    for place in range(_BLOCKS):
        behind = place + 1 - _BLOCKS  # blocks at the end that are no frame's at this place
        end = behind if behind else np.iinfo(np.int64).max
        bounds = (graph.integers([number]) for number in (place, end, 1, every))
        parts.append(graph.op("Slice", blocks, *bounds))
    frames = graph.op("Concat", *parts, axis=2)
    mean = graph.op("ReduceMean", frames, graph.integers([2]), keepdims=1)
    return graph.op("Sub", frames, mean)


def _coefficients(graph, frames, use_energy):
    """Computes MFCC of frames without their means, `(batch, frames, 40)`."""
    transform, filters = _matrices()
    spectrum = graph.op("MatMul", frames, graph.floats(transform))
    power = graph.op("Mul", spectrum, spectrum)
    mel = _log(graph, graph.op("MatMul", power, graph.floats(filters)))
    cepstrum = graph.op("MatMul", mel, graph.floats(audio.liftered_cosines()))
    if not use_energy:
        return cepstrum
    last = graph.integers([2])
    energy = _log(graph, graph.op("ReduceSumSquare", frames, last, keepdims=1))
    others = graph.integers([audio.NUM_COEFFICIENTS])
    others = graph.op("Slice", cepstrum, graph.integers([1]), others, last)
    return graph.op("Concat", energy, others, axis=2)


def _matrices():
    """Returns what makes real and imaginary parts of frames, and the mel bands of their squares."""
    shifted = np.eye(audio.FRAME_LENGTH, k=1)
    shifted[0, 0] = 1  # before the first sample, Kaldi repeats it
    emphasized = np.eye(audio.FRAME_LENGTH) - audio.PREEMPHASIS * shifted
    spectrum = np.fft.rfft(emphasized * np.hamming(audio.FRAME_LENGTH), audio.FFT_LENGTH)
    filters = audio.mel_filters()
    used = filters.any(axis=1)
    transform = np.concatenate([spectrum.real[:, used], spectrum.imag[:, used]], axis=1)
    return transform, np.concatenate([filters[used]] * 2)


def _log(graph, values):
    return graph.op("Log", graph.op("Max", values, graph.floats(audio.FLOOR)))


def _with_derivatives(graph, coefficients):
    """Appends first and second derivatives, `(batch, frames, 120)`."""
    reach, count = audio.REACH, audio.NUM_COEFFICIENTS
    filters = np.stack([np.eye(2 * reach + 1)[reach], *audio.DELTA_FILTERS])
    pads = graph.integers([0, reach, 0, 0, reach, 0])
    extended = graph.op("Pad", coefficients, pads, mode="edge")
    images = graph.op("Unsqueeze", extended, graph.integers([1]))
    kernel = graph.floats(filters[:, np.newaxis, :, np.newaxis])
    parts = graph.op("Conv", images, kernel)  # (batch, 3, frames, 40)
    parts = graph.op("Transpose", parts, perm=[0, 2, 1, 3])
    return graph.op("Reshape", parts, graph.integers([0, 0, 3 * count]))


def _span(graph, coefficients, decibels, use_energy):
    """Returns the first frame that is kept and how many are, as `silence.span` finds them."""
    one, last = graph.integers([1]), graph.integers([2])
    level = graph.op("Slice", coefficients, graph.integers([0]), one, last)
    level = graph.op("Squeeze", level, last)
    loudest = graph.op("ReduceMax", level, one, keepdims=1)
    reach = graph.floats(silence.loudness_of(decibels, use_energy))
    is_loud = graph.op("GreaterOrEqual", level, graph.op("Sub", loudest, reach))
    is_loud = graph.op("Cast", is_loud, to=onnx.TensorProto.INT32)
    ends = [
        graph.op("ArgMax", is_loud, axis=1, keepdims=0, select_last_index=number)
        for number in range(2)
    ]
    margin = graph.integers(silence.MARGIN)
    start = graph.op("Max", graph.op("Sub", ends[0], margin), graph.integers(0))
    end = graph.op("Add", ends[1], graph.integers(silence.MARGIN + 1))
    end = graph.op("Min", end, graph.op("Shape", level, start=1, end=2))
    return start, graph.op("Sub", end, start)
