"""Drawn faces of two actors, in an AVI file such as IEMOCAP's."""

import av
import numpy as np
from PIL import Image, ImageDraw
from scipy import signal

from tools.demo_corpus import voice

WIDTH, HEIGHT, RATE = 720, 480, 30
SOUND_RATE = voice.SAMPLE_RATE // 2
LETTERBOX = 60  # black rows above and below
NOISE = 2.5  # standard deviation of a pixel
WRONG_FACE = 0.15  # share of utterances with the face of another emotion

# For each emotion: slope of the brows (inner end down is positive), their height, curve of the
# mouth (up is positive), how far mouth and eyes are open.
FACES = {
    "ang": (10, -6, -7, 0.9, 0.7),
    "exc": (-4, 8, 13, 1.3, 1.2),
    "hap": (-2, 3, 11, 0.8, 0.9),
    "sad": (-10, 0, -11, 0.5, 0.55),
    "fru": (7, -3, -4, 0.7, 0.6),
    "sur": (-3, 13, 0, 1.7, 1.6),
    "neu": (0, 0, 0, 0.8, 1.0),
}
SKINS = ((232, 190, 160), (205, 160, 125), (170, 120, 90), (240, 205, 180), (140, 95, 70))
HAIR = ((60, 40, 30), (30, 30, 35), (150, 110, 60), (90, 60, 40), (110, 110, 110))


def _blend(emotion, strength):
    neutral, face = np.array(FACES["neu"]), np.array(FACES[emotion])
    return neutral + strength * (face - neutral)


def _draw(canvas, center, face, mouth, look, woman):
    """Draws a face; `mouth` is 0 where it is shut."""
    x, y = center
    slope, brow, curve, opening, eyes = face
    canvas.ellipse((x - 78, y - 105, x + 78, y + 95 + 25 * woman), fill=HAIR[look])
    canvas.ellipse((x - 66, y - 85, x + 66, y + 90), fill=SKINS[look])
    for direction in (-1, 1):
        eye, tall = x + 27 * direction, 3 + 8 * eyes
        canvas.ellipse((eye - 13, y - 20 - tall, eye + 13, y - 20 + tall), fill=(250, 250, 250))
        canvas.ellipse((eye - 5, y - 25, eye + 5, y - 15), fill=(40, 30, 30))
        inner = (eye - 15 * direction, y - 42 - brow + slope)
        outer = (eye + 17 * direction, y - 42 - brow - slope)
        canvas.line((inner, outer), fill=HAIR[look], width=6)
    tall = 2 + 22 * mouth * opening
    steps = np.linspace(-1, 1, 13)
    middle = y + 48 - curve * (steps**2 - 0.5) * 1.6
    gap = tall * (1 - steps**2)
    upper = list(zip(x + 32 * steps, middle - gap / 2))
    lower = list(zip(x + 32 * steps, middle + gap / 2 + 3))
    canvas.polygon(upper + lower[::-1], fill=(120, 35, 40))


def _background(rng):
    rows = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    wall = rng.integers(60, 120, 3)
    shade = np.linspace(1.15, 0.85, HEIGHT - 2 * LETTERBOX)[:, None, None]
    rows[LETTERBOX:-LETTERBOX] = (wall * shade).clip(0, 255)
    return Image.fromarray(rows)


class _Actor:
    """One half of the picture over a dialog's frames."""

    def __init__(self, side, gender, session, turns, times, rng):
        self.center = np.array([WIDTH * (0.25 if side == "left" else 0.75), HEIGHT / 2])
        self.look = (session + 2 * (gender == "M")) % len(SKINS)
        self.woman = gender == "F"
        self.faces = np.tile(_blend("neu", 1.0), (len(times), 1))
        self.mouths = np.zeros(len(times))
        self.sway = np.cumsum(rng.normal(0, 0.5, (len(times), 2)), axis=0).clip(-20, 20)
        for turn in turns:
            emotion = turn.shown if rng.random() >= WRONG_FACE else str(rng.choice(list(FACES)))
            speaks = (times >= turn.start) & (times < turn.end)
            self.faces[speaks] = _blend(emotion, rng.uniform(0.5, 1.2))
            self.mouths[speaks] = voice.loudness(turn.waveform, times[speaks] - turn.start)

    def draw(self, canvas, frame):
        center = self.center + self.sway[frame]
        _draw(canvas, center, self.faces[frame], self.mouths[frame], self.look, self.woman)


def _frames(turns, seconds, rng):
    """Yields the pictures of a dialog as `(HEIGHT, WIDTH, 3)` uint8."""
    times = np.arange(round(seconds * RATE)) / RATE
    left_gender = turns[0].dialog[5]
    session = int(turns[0].dialog[4])
    actors = [
        _Actor(side, gender, session, [t for t in turns if t.gender == gender], times, rng)
        for side, gender in (("left", left_gender), ("right", "FM".replace(left_gender, "")))
    ]
    background = _background(rng)
    size = (4, HEIGHT - 2 * LETTERBOX, WIDTH, 1)
    grain = np.rint(rng.normal(0, NOISE, size)).astype(np.int16)
    for frame in range(len(times)):
        image = background.copy()
        canvas = ImageDraw.Draw(image)
        for actor in actors:
            actor.draw(canvas, frame)
        pixels = np.array(image)
        inside = pixels[LETTERBOX:-LETTERBOX]
        np.clip(inside + grain[frame % len(grain)], 0, 255, out=inside, casting="unsafe")
        yield pixels


def write(path, turns, rng, quality):
    """Writes a dialog's picture and sound.

    Args:
        path: AVI file.
        turns: The dialog's turns, with times and sound.
        rng: `numpy.random.Generator`.
        quality: Quantizer of the video, 1 is best and 31 smallest.
    """
    seconds = max(turn.end for turn in turns) + 0.4
    with av.open(str(path), "w", format="avi", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("mpeg4", rate=RATE)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.thread_count = 1
        video.codec_context.codec_tag = "DX50"
        video.codec_context.gop_size = RATE
        video.codec_context.qmin = video.codec_context.qmax = quality
        video.codec_context.flags |= av.codec.context.Flags.bitexact
        sound = container.add_stream("pcm_u8", rate=SOUND_RATE, layout="mono")
        mixed = _mixed(turns, seconds)
        for number, pixels in enumerate(_frames(turns, seconds, rng)):
            if number % RATE == 0:
                start = number // RATE * SOUND_RATE
                samples = mixed[None, start : start + SOUND_RATE]
                chunk = av.AudioFrame.from_ndarray(samples, format="u8", layout="mono")
                chunk.sample_rate, chunk.pts = SOUND_RATE, start
                container.mux(sound.encode(chunk))
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))


def _mixed(turns, seconds):
    """Returns both voices in one track of 8 bits; the wav files are the better ones."""
    mixed = np.zeros(round(seconds * voice.SAMPLE_RATE))
    for turn in turns:
        start = round(turn.start * voice.SAMPLE_RATE)
        mixed[start : start + len(turn.waveform)] += turn.waveform
    halved = signal.resample_poly(mixed, 1, 2)
    return (np.clip(np.rint(halved / 256), -128, 127) + 128).astype(np.uint8)
