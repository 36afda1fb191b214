"""Predicts what comes on standard input, for `amh_tf.predict --stream`."""

import json
import os
import sys

from amh_tf import errors, escaping
from amh_tf.commands import cli


def listen(run, flags):
    """Prints a line each half second until the sound ends, or whoever reads the lines goes away.

    Args:
        run: `amh_tf.Run`.
        flags: The flags of `amh_tf.predict`.

    Raises:
        InputError: If there is no sound, or the model cannot be run on a stream.
    """
    if sys.stdin.isatty():
        raise errors.refusal(
            "There is no sound on standard input",
            "raw PCM from a pipe",
            "a terminal",
            "For example: arecord -f S16_LE -r 16000 -t raw | "
            f"{cli.command('predict')} --stream --run_dir={flags.run_dir}",
        )
    if "audio" not in run.config.model.modalities:
        raise errors.refusal(
            "The model hears nothing", "one that reads audio", run.config.model.title
        )
    settings = {name: flags[name].value for name in ("enroll", "data_dir") if flags[name].present}
    stream = run.stream(**settings)

    from amh_tf.prediction import listening

    _note("Listening. Ctrl-C ends it.")
    sound = listening.converted(listening.pieces(sys.stdin.buffer, _note), flags.sample_rate)
    noted = set()
    try:
        for line in listening.lines(stream, sound, flags.stream_window, flags.text):
            for note in line.prediction.notes:
                if note not in noted:
                    _note(note)
                noted.add(note)
            _print(line, flags.format == "json")
    except KeyboardInterrupt:  # the way to end it
        pass
    except BrokenPipeError:  # of `| head`; what is left in the buffer goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _note(text):
    print(text, file=sys.stderr)


def _print(line, as_json):
    predicted = line.prediction
    if as_json:
        entry = {"start": line.start, "end": line.end, **predicted.as_dict()}
        print(json.dumps(entry, ensure_ascii=False), flush=True)
        return
    shares = "  ".join(f"{name} {share:.2f}" for name, share in predicted.probabilities.items())
    text = f"{line.end:8.2f} s  {predicted.best:<12}  {shares}"
    if line.is_first and line.start:
        text += f"  (a new span, from {line.start:g} s)"
    print(escaping.terminal(text), flush=True)
