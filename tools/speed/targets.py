"""What the package means to reach, beside what was measured."""

from tools.speed import bench as benches

# From a measurement of the authors' own code, in which it took this share of the time of a
# stock Keras step on the same batches.
AUTHORS_SHARE_OF_STOCK = 0.73


def _rounds(results, task, name):
    found = results.get(task, {}).get("candidates", {}).get(name)
    return found and found["seconds_per_utterance"]["rounds"]


def speedup(results, task, ours, other):
    """Returns how many times as fast as another a candidate is, or None if not measured."""
    ours, other = (_rounds(results, task, name) for name in (ours, other))
    return benches.ratio(other, ours) if ours and other else None


def _share(results):
    found = results.get("training", {}).get("candidates", {}).get("ours-float32-bucketed")
    return found and found["share_of_limit"]


def _ends(results, field):
    found = results.get("scaling", {}).get(field)
    if not found:
        return None
    ends = [found[min(found, key=int)], found[max(found, key=int)]]
    if isinstance(ends[0], dict):
        ends = [end["median"] for end in ends]
    return ends[1] / ends[0] - 1


def _fastest_on_busy(results):
    found = results.get("busy", {}).get("seconds")
    return found and found["ours-twin"]["median"] / found["ours-float32"]["median"]


def verdicts(results):
    """Lists the targets.

    Returns:
        List of (what, target as text, measured as text or None, whether it is met or None).
    """
    pipeline = results.get("pipeline", {})
    read = pipeline.get("utterances_per_second", {})

    def reads(name):
        return read.get(name) and read[name]["median"]

    def faster(task, ours, other):
        return speedup(results, task, ours, other)

    times, percent, number = "{:.2f} times", "{:.1%}", "{:,.0f} a second"
    f32, bf16 = "ours-float32", "ours-bfloat16"
    loss, hop = pipeline.get("loss", {}), results.get("hops", {})
    rows = [
        ("training, float32 in buckets, against stock Keras",
         faster("training", f"{f32}-bucketed", "keras-random"), times, 4.0),
        ("training, bfloat16 in buckets, against stock Keras",
         faster("training", f"{bf16}-bucketed", "keras-random"), times, 5.0),
        ("training, float32, against PyTorch on the same buckets",
         faster("training", f"{f32}-bucketed", "pytorch-bucketed"), times, 1.8),
        ("training, float32, against stock Keras on the same random batches",
         faster("training", f"{f32}-random", "keras-random"), times, 3.0),
        ("training, float32 in buckets, of the matrix-product limit",
         _share(results), percent, 0.6),
        ("inference, float32, against stock Keras on the same batches",
         faster("inference", f"{f32}-random", "keras-random"), times, 2.5),
        ("inference, bfloat16, against stock Keras on the same batches",
         faster("inference", f"{bf16}-random", "keras-random"), times, 3.0),
        ("pipeline, float32, random batches", reads("float32-random"), number, 1500),
        ("pipeline, float32, buckets", reads("float32-bucketed"), number, 1500),
        ("training time lost to the pipeline, float32 shards",
         loss.get("float32", [None])[0], percent, -0.05),
        ("training time lost to the pipeline, float16 shards",
         loss.get("float16", [None])[0], percent, -0.05),
        ("one hop more, of a step", hop.get("share_of_a_step"), percent, -0.01),
        ("time per utterance, smallest to largest set",
         _ends(results, "seconds_per_utterance"), percent, (-0.1, 0.1)),
        ("peak memory, smallest to largest set",
         _ends(results, "peak_bytes"), percent, (-0.1, 0.1)),
        ("on a busy machine, against `--kernel=keras`", _fastest_on_busy(results), times, 1.0),
    ]  # fmt: skip
    return [_verdict(*row) for row in rows]


def _verdict(what, value, template, bound):
    """Judges a value: at least a bound, at most a negative one's size, or within a pair."""
    if isinstance(bound, tuple):
        text, met = f"within {bound[1]:.0%}", value is not None and bound[0] <= value <= bound[1]
    elif bound < 0:
        text, met = f"at most {-bound:.0%}", value is not None and value <= -bound
    else:
        text, met = f"at least {template.format(bound)}", value is not None and value >= bound
    return (what, text, None, None) if value is None else (what, text, template.format(value), met)
