"""The same work by two interpreters, in turn: what another Python or TensorFlow costs."""

import subprocess
import sys

from amh_tf import errors
from tools.speed import bench as benches
from tools.speed import processes, table

VERSIONS = (
    "import amh_tf, platform, keras, numpy, tensorflow; print('Python', platform.python_version(), "
    "'TensorFlow', tensorflow.__version__, 'Keras', keras.__version__, 'NumPy', numpy.__version__)"
)


def measure(bench, python):
    """Measures training and inference in float32 by this interpreter and another.

    Args:
        bench: `bench.Bench`.
        python: Path of the other interpreter, in whose environment the package is installed.

    Returns:
        Dict with both descriptions, seconds per utterance, and how many times as long the other
        takes: the median over the rounds.
    """
    pythons = {"this": sys.executable, "other": python}
    result = {"versions": {name: _versions(path) for name, path in pythons.items()}}
    kind, options = bench.engine("ours-float32")
    engines = {name: (kind, {**options, "python": path}) for name, path in pythons.items()}
    seconds = {task: {name: [] for name in pythons} for task in ("training", "inference")}
    with bench.opened(engines) as running, bench.watched(result):
        for name in pythons:
            running[name].ask("warm_up", bucketed=True)
            running[name].ask("warm_up", inference=True)
        # The first round takes memory from the system, which later ones use again.
        for number in range(bench.rounds + 1):
            for name in pythons:
                trained = running[name].ask(
                    "train", epoch=table.EPOCHS * number, bucketed=True, epochs=table.EPOCHS
                )
                inferred = running[name].ask("infer")
                if number:
                    passes = bench.utterances * table.EPOCHS
                    seconds["training"][name].append(trained["seconds"] / passes)
                    seconds["inference"][name].append(inferred["seconds"] / bench.utterances)
            bench.advance()
    result["seconds_per_utterance"] = {
        task: {name: benches.summary(values) for name, values in both.items()}
        for task, both in seconds.items()
    }
    result["ratio"] = {
        task: benches.ratio(both["other"], both["this"]) for task, both in seconds.items()
    }
    return result


def _versions(python):
    try:
        done = subprocess.run(
            [python, "-c", VERSIONS],
            cwd=processes.ROOT,  # to import what is measured
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise _refusal(python, error.strerror) from error
    if done.returncode:
        raise _refusal(python, (done.stderr.strip().splitlines() or ["nothing"])[-1])
    return done.stdout.strip()


def _refusal(python, reason):
    return errors.InputError(
        f"{python!r} cannot be measured. Expected an interpreter in whose environment this package "
        f"is installed. Received: {reason}. Set it with --python."
    )
