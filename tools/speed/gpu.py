"""Training on a GPU: which of the paths to a recurrence is the fastest there."""

from tools.speed import bench as benches
from tools.speed import data, network

# Each path as flags of `amh_tf.train`, and the options of our engine.
LOOP, CUDNN = "--kernel=keras", "--kernel=keras --reset_after"
PATHS = {
    LOOP: {"kernel": "keras"},
    CUDNN: {"kernel": "keras", "reset_after": True},
    "--kernel=packed": {"kernel": "packed"},
    "--kernel=packed, XLA": {"kernel": "packed", "xla": True},
    "--kernel=keras, XLA": {"kernel": "keras", "xla": True},
}
MODELS = ("amh", "mha")


def _longest(bench, model):
    """Returns the steps of the longest utterance by modality, with which ten shapes are made."""
    steps = data.lengths(bench.utterances + 16, bench.longest)
    return {name: int(steps[name].max()) for name in network.MODALITIES[model]}


def _engine(bench, model, kernel, reset_after=False, xla=False):
    longest = _longest(bench, model) if xla else None
    options = {"kernel": kernel, "reset_after": reset_after, "xla_longest": longest}
    return bench.engine("ours-float32", model=model, **options)


def gpu(bench):
    """Measures training by every path, on batches in memory; one that cannot run is noted.

    It runs without a GPU too, to see which paths there are.
    """
    measured, device = {}, "the processor (no GPU)"
    for model in MODELS:
        # An LSTM has no reset gate, and cuDNN computes it as it is.
        paths = {
            path: _engine(bench, model, **options)
            for path, options in PATHS.items()
            if path != CUDNN or network.CELLS[model] == "gru"
        }
        tasks = {path: (path, "train_memory", {}) for path in paths}
        titles = {path: f"`{path}` of {model}" for path in paths}
        answers, notes = bench.in_turn(paths, tasks, optional=titles)
        measured[model] = {
            path: benches.summary(values, bench.utterances) for path, values in answers.items()
        }
        device = next(iter(notes.values()), {}).get("GPU", device)
    return {"batch_size": bench.batch_size, "device": device, "seconds": measured}
