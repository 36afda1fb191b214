"""Measures a timeline of hours, and of one that is stopped and continued:

python -m tools.benchmark_timeline --sentences_dir=ravdess --work_dir=DIR

Joins recordings of single sentences with pauses and music until it has --seconds, as a sound file
and as a film with a small picture. With the sound, `amh_tf.timeline` is let alone. With the film it
is killed with SIGKILL, stopped by Ctrl-C, and continued; it must come to the same segments. Writes
memory and processor time to DIR/results.md, beside those of a recording of ten seconds.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import av
import numpy as np
import soundfile
from absl import flags

from amh_tf import errors, files, progress
from amh_tf.commands import flag_kit
from tests.features import media_files
from tools import benchmark_speech, shared

FLAGS = flags.FLAGS
RATE = benchmark_speech.RATE
PAUSES = 0.4, 3.0  # seconds
MUSIC_SECONDS, BETWEEN_MUSIC = 20, 600
PICTURES_PER_SECOND, SIZE = 10, (160, 120)
SHORT = 10  # seconds; of the recording whose memory is compared
# Shares of the first command's processor time after which the other is stopped, and how.
STOPS = ((0.25, signal.SIGKILL), (0.25, signal.SIGINT), (0.25, signal.SIGKILL))


def write_talk(path, sentences, seconds):
    """Writes sentences in drawn order with pauses, and some music every ten minutes.

    Args:
        path: WAV file to write.
        sentences: List of files.
        seconds: How long it becomes, at least.
    """
    rng, count, musics = np.random.default_rng(0), 0, 0
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        while count < seconds * RATE:
            ((samples, *_),) = benchmark_speech.joined([rng.choice(sentences)], rng, PAUSES)
            if count > musics * BETWEEN_MUSIC * RATE:
                played = benchmark_speech.music(rng, MUSIC_SECONDS * RATE)
                samples = np.concatenate([samples, 0.02 * played])
                musics += 1
            file.write(samples)
            count += len(samples)


def write_film(path, talk):
    """Writes a small film whose sound is that of a WAV file, 16 kHz of one channel."""
    with av.open(str(path), "w", format="avi") as container, soundfile.SoundFile(talk) as heard:
        video = container.add_stream("mpeg4", rate=PICTURES_PER_SECOND)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for second, block in enumerate(heard.blocks(RATE, dtype="int16")):
            chunk = av.AudioFrame.from_ndarray(block[None], format="s16", layout="mono")
            chunk.sample_rate, chunk.pts = RATE, second * RATE
            container.mux(sound.encode(chunk))
            for number in range(PICTURES_PER_SECOND):
                number += second * PICTURES_PER_SECOND
                pixels = media_files.numbered(number, SIZE)
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts = number
                container.mux(video.encode(frame))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))


def _commands(folder):
    """Makes the recordings; returns the arguments of each one's timeline, by its name."""
    talk, film, short = folder / "talk.wav", folder / "film.avi", folder / "short.wav"
    sentences = benchmark_speech.sentences_of(FLAGS.sentences_dir)
    if not film.exists():
        write_talk(short, sentences, SHORT)
        write_talk(talk, sentences, FLAGS.seconds)
        with files.replacing(film) as temporary:
            write_film(temporary, talk)
    named = {"short": short, "sound": talk, "film": film}
    return {
        title: ["-m", "amh_tf.timeline", str(path), f"--run_dir={FLAGS.run_dir}"]
        for title, path in named.items()
    }


def _processor_seconds(pid):
    """Returns the processor time of a process that runs; of one that has ended, infinity."""
    state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[10]) + int(fields[11])
    return float("inf") if state == "Z" else ticks / os.sysconf("SC_CLK_TCK")


def _run(arguments, log, stop=None):
    """Runs a command to its end, or stops it.

    Args:
        arguments: Of Python.
        log: File to append its output to.
        stop: Seconds of processor time after which it is stopped, and the signal; or None.

    Returns:
        Exit status, MiB of memory at the most, seconds of processor time.
    """
    with open(log, "ab") as output:
        process = subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=output)
        while stop and _processor_seconds(process.pid) < stop[0]:
            time.sleep(0.2)
        if stop:
            process.send_signal(stop[1])
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime


def _stored(path):
    """Returns the segments of a timeline."""
    return json.loads(path.read_text("utf-8"))["segments"]


def _row(title, segments, memory, processor):
    return [title, f"{len(segments):,}", f"{memory:,.0f}", f"{processor:,.0f}"]


def _undisturbed(title, command, folder):
    """Returns the row, segments and seconds of processor time of a command that is let alone."""
    output, log = folder / f"{title}.json", folder / "log"
    status, *used = _run([*command, f"--output={output}"], log)
    if status:
        raise errors.refusal("A timeline has failed", "exit code 0", f"{status}", f"See {log}.")
    segments = _stored(output)
    return _row(title, segments, *used), segments, used[1]


def _stopped(title, command, folder, expected, seconds):
    """Stops a command again and again, and continues it.

    Args:
        title, command, folder: As for `_undisturbed`.
        expected: Segments that it must come to.
        seconds: Of processor time, which another takes to find those.

    Returns:
        Its row.
    """
    output, log = folder / f"{title}.json", folder / "log"
    output.unlink(missing_ok=True)
    stops = [*((share * seconds, how) for share, how in STOPS), None]
    runs = []
    while not output.exists():
        runs.append(_run([*command, f"--output={output}"], log, stops[len(runs)]))
        if runs[-1][0] and not stops[len(runs) - 1]:
            raise errors.refusal("A timeline has failed", "exit code 0", runs[-1][0], f"See {log}.")
    statuses, memory, processor = zip(*runs)
    if (segments := _stored(output)) != expected:
        raise errors.refusal("A continued timeline differs", "the undisturbed one", f"{output}")
    count = sum(status != 0 for status in statuses)
    return _row(f"{title}, stopped {count} times", segments, max(memory), sum(processor))


def main():
    """Runs the benchmark by the flags."""
    folder = Path(FLAGS.work_dir)
    folder.mkdir(parents=True, exist_ok=True)
    # Shells have what they start in the background ignore Ctrl-C, and its children with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    commands = _commands(folder)
    short, *_ = _undisturbed("short", commands["short"], folder)
    whole, segments, seconds = _undisturbed("sound", commands["sound"], folder)
    # The film's sound is the same: so are its segments.
    film = _stopped("film", commands["film"], folder, segments, seconds)
    header = ["recording", "segments", "memory, MiB", "processor time, s"]
    text = shared.markdown(header, [short, whole, film])
    files.write_text(folder / "results.md", text)
    progress.console.print(text)


if __name__ == "__main__":
    flag_kit.define("path", "sentences_dir", None, "Recordings of sentences.", required=True)
    flag_kit.define("path", "work_dir", None, "Where everything goes.", required=True)
    flag_kit.define("path", "run_dir", "export/models/ravdess", "The run.")
    flags.DEFINE_integer("seconds", 3 * 3600, "How long the recording is.", lower_bound=60)
    cli.run(main)
