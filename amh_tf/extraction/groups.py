"""Makes the features of a corpus, group after group; what is done stays done."""

import time

from amh_tf import progress

ON_ERROR = ("stop", "skip")


def extract(groups, maker, work, on_error="stop", show=progress.bar):
    """Makes the features of all groups that are not done yet.

    Args:
        groups: List of `work_folder.Group`.
        maker: `extractor.Extractor`.
        work: `work_folder.WorkFolder`, started.
        on_error: "stop" to end at the first recording that cannot be used, "skip" to note
            it and continue.
        show: Context manager factory as `amh_tf.progress.bar`.

    Returns:
        Dict from the number of a group to its list of `work_folder.Summary`.

    Raises:
        BadRecording: Under "stop", if a recording cannot be used. Its group is tried again
            the next time.
        ValueError: If the weights of the network for pictures cannot be read.
    """
    strict = on_error == "stop"
    summaries = {}
    with show(len(groups), "reading what is done", "files") as bar:
        for group in groups:
            summaries[group.number] = _load(group, work, strict)
            bar.advance()
    pending = [group for group in groups if summaries[group.number] is None]
    total = sum(len(group.recordings) for group in pending)
    if 0 < len(pending) < len(groups):
        present = sum(len(group.recordings) for group in groups) - total
        progress.console.print(f"Continuing: {present:,} utterances are done already.")
    if pending:
        maker.load()  # what cannot be read is refused before hours of sound and words
    start = time.monotonic()
    with show(total, "extracting", "utterances") as bar:
        for group in pending:
            extracted = maker.group(group.recordings, strict, bar.advance)
            summaries[group.number] = work.save(group, extracted)
    if pending:
        tell_speed(total, time.monotonic() - start, maker.encoder_seconds)
    return summaries


def tell_speed(count, seconds, encoder_seconds=None):
    """Prints how fast utterances were extracted, and how much of it the encoders took."""
    share = ""
    if encoder_seconds is not None:
        share = f" {encoder_seconds / max(seconds, 1e-3):.0%} of the time was the encoders'."
    progress.console.print(
        f"Extracted {count:,} utterances in {seconds:.0f} s, {count / max(seconds, 1e-3):.1f} "
        f"a second.{share}"
    )


def _load(group, work, strict):
    """Returns what is done; under `strict`, a group with a problem is tried again."""
    summaries = work.load(group)
    if strict and summaries and any(summary.problem for summary in summaries):
        return None
    return summaries
