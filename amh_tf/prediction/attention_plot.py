"""Draws what each hop attended to in a clip."""

import io

import numpy as np
from matplotlib import figure

from amh_tf import checking, errors, files
from amh_tf.features import audio, decoding, video

WORDS_PER_LINE = 12

_WIDTH = 11.0  # inches
_DPI = 110
_INK, _SOFT, _GRID = "#1d2430", "#7b8494", "#c9cfd8"
_COLORS = {"audio": "#c4541a", "text": "#1f5fa8", "video": "#2b7a3d"}
_HEIGHTS = {"audio": 1.0, "video": 1.15}
_TEXT_LINE = 0.62
_ENVELOPE_POINTS = 1200


class Picture(figure.Figure):
    """A figure that a notebook shows without pyplot."""

    def _repr_png_(self):
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=_DPI)
        return file.getvalue()


def picture(predicted):
    """Draws a row for each hop: the sound, the pictures or the words, and its weights on them.

    Sound and pictures share one axis of time. Weights of a hop add up to one. Of a model without
    attention it is the probabilities alone.

    Args:
        predicted: `clip.Prediction`.

    Returns:
        `matplotlib.figure.Figure`, whose first axes hold the probabilities.
    """
    probabilities = np.array([*predicted.probabilities.values()])
    lines = max(1, -(-len(predicted.words) // WORDS_PER_LINE))
    heights = [0.32 + 0.21 * len(predicted.classes)]
    heights += [_HEIGHTS.get(target, _TEXT_LINE * lines) for target, _ in predicted.hops]
    drawing = Picture(
        figsize=(_WIDTH, sum(heights) + 0.5 + 0.16 * len(heights)), layout="constrained"
    )
    drawing.suptitle(
        f"{predicted.best} ({probabilities.max():.2f})"
        + ": what each hop attended to" * bool(predicted.hops),
        fontsize=13,
        parse_math=False,
    )
    rows = drawing.subplots(len(heights), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[
        :, 0
    ]
    _classes(rows[0], predicted.classes, probabilities)
    seconds = _seconds(predicted)
    painters = {"audio": _audio, "text": _text, "video": _video}
    for number, (axes, (target, weights)) in enumerate(zip(rows[1:], predicted.hops), 1):
        _label(axes, number, target)
        if not len(weights):
            _empty(axes, target)
        else:
            painters[target](axes, predicted, weights, seconds)
    if predicted.hops and not all(predicted.known):
        drawing.supxlabel("* a word that the model does not know", fontsize=8, color=_SOFT)
    return drawing


def draw(predicted, path):
    """Writes the `picture` of what each hop attended to.

    Args:
        predicted: `clip.Prediction`.
        path: Output file; its ending chooses the format.

    Raises:
        ValueError: If the model has no attention, or the file's ending is unknown.
    """
    checking.require_picture("attention", path)
    if not predicted.hops:
        raise errors.refusal(
            "The model has no attention to show",
            "a model trained with --model=amh, mha or rnn_attn",
            "one without",
            "Leave --attention out.",
        )
    with files.replacing(path) as temporary:
        picture(predicted).savefig(temporary, dpi=_DPI)


def _seconds(predicted):
    """Returns how long the axis of time is."""
    audio_seconds = (
        0 if predicted.waveform is None else len(predicted.waveform) / decoding.SAMPLE_RATE
    )
    pictures = max([len(weights) for target, weights in predicted.hops if target == "video"] + [0])
    if predicted.frames is not None:
        pictures = len(predicted.frames)
    video_seconds = pictures / video.PICTURES_PER_SECOND
    return max(audio_seconds, video_seconds, 1e-3)


def _classes(axes, classes, probabilities):
    order = probabilities.argsort()
    shares = probabilities[order]
    names = [classes[number] for number in order]
    axes.barh(range(len(order)), shares, color=_INK, height=0.66)
    axes.set_yticks(range(len(order)), names, fontsize=9, parse_math=False)
    for row, share in enumerate(shares):
        axes.text(share + 0.008, row, f"{share:.3f}", va="center", fontsize=8, color=_INK)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("probability", loc="left", fontsize=9, color=_SOFT, pad=2)


def _label(axes, number, target):
    axes.set_ylabel(
        f"hop {number}\n{target}",
        rotation=0,
        ha="right",
        va="center",
        labelpad=8,
        fontsize=10,
        color=_COLORS[target],
    )
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)
    axes.tick_params(labelsize=7, colors=_SOFT, length=2)


def _empty(axes, target):
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    place = {"ha": "center", "va": "center", "transform": axes.transAxes}
    axes.text(0.5, 0.5, f"no {target}: nothing to attend to", color=_SOFT, **place)


def _time(axes, seconds):
    axes.set_xlim(0, seconds)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} s")


def _largest(axes, weights):
    """Writes the largest weight and what an even spread would be."""
    label = f"largest {weights.max():.3f}\neven {1 / len(weights):.3f}"
    axes.text(1.006, 0.5, label, transform=axes.transAxes, fontsize=7, va="center", color=_SOFT)


def _audio(axes, predicted, weights, seconds):
    waveform = predicted.waveform
    steps = -(-len(waveform) // _ENVELOPE_POINTS)
    blocks = np.pad(waveform, (0, -len(waveform) % steps)).reshape(-1, steps)
    loudest = np.abs(waveform).max() or 1.0
    time = (np.arange(len(blocks)) + 0.5) * steps / decoding.SAMPLE_RATE
    low, high = blocks.min(axis=1) / loudest, blocks.max(axis=1) / loudest
    axes.fill_between(time, low, high, color=_GRID, linewidth=0)
    rate = decoding.SAMPLE_RATE
    own = rate / predicted.audio_steps_per_second  # samples from one step of sound to the next
    step = own * predicted.audio_stride
    window = audio.FRAME_LENGTH if own == audio.FRAME_STEP else own
    first = window + step - own  # samples of a step
    first += 2 * predicted.audio_start * audio.FRAME_STEP
    centres = (np.arange(len(weights)) * step + first / 2) / rate
    heights = 2 * weights / weights.max() - 1
    color = _COLORS["audio"]
    axes.fill_between(centres, -1, heights, color=color, alpha=0.3, linewidth=0)
    axes.plot(centres, heights, color=color, linewidth=1)
    axes.set_ylim(-1.05, 1.1)
    _time(axes, seconds)
    _largest(axes, weights)


def _video(axes, predicted, weights, seconds):
    axes.set_xlim(0, seconds)
    step = 1 / video.PICTURES_PER_SECOND
    shares = weights / weights.max()
    frames = () if predicted.frames is None else predicted.frames  # features came without them
    for number, (frame, share) in enumerate(zip(frames, shares)):
        left = number * step
        # Pictures without weight fade; they keep their proportions and never overlap.
        inset = axes.inset_axes(
            (left / seconds, 0.24, step / seconds, 0.76), xticks=[], yticks=[], anchor="C"
        )
        inset.imshow(frame, alpha=0.3 + 0.7 * float(share), interpolation="antialiased")
        inset.spines[:].set_color(_COLORS["video"])
        inset.spines[:].set_linewidth(0.3 + 2.2 * float(share))
    axes.bar(
        (np.arange(len(weights)) + 0.5) * step,
        0.2 * shares,
        width=0.8 * step,
        color=_COLORS["video"],
        alpha=0.75,
    )
    axes.set_ylim(0, 1)
    _time(axes, seconds)
    _largest(axes, weights)


def _text(axes, predicted, weights, seconds):
    del seconds  # nobody knows when each word is said
    shares = weights / weights.max()
    lines = -(-len(weights) // WORDS_PER_LINE)
    axes.set_xlim(0, WORDS_PER_LINE)
    axes.set_ylim(-lines, 0)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    for number, (share, weight) in enumerate(zip(shares, weights)):
        line, column = divmod(number, WORDS_PER_LINE)
        word = predicted.words[number] + ("" if predicted.known[number] else "*")
        axes.text(
            column + 0.5,
            -line - 0.36,
            word if len(word) < 14 else word[:12] + "…",
            ha="center",
            va="center",
            fontsize=9,
            color="white" if share > 0.55 else _INK,
            parse_math=False,
            bbox={
                "boxstyle": "round,pad=0.35",
                "facecolor": (*_rgb(_COLORS["text"]), float(share) * 0.95),
                "edgecolor": _GRID,
                "linewidth": 0.5,
            },
        )
        place = {"ha": "center", "va": "center", "fontsize": 7, "color": _SOFT}
        axes.text(column + 0.5, -line - 0.86, f"{weight:.3f}", **place)
    _largest(axes, weights)


def _rgb(color):
    return tuple(int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
