"""Shows the emotions of a whole recording over time:

python -m amh_tf.timeline talk.mp4 --run_dir=DIR --output=talk.html

Speech is found in the sound (extra `vad`), or a file says who speaks when (--segments). Each
segment is predicted as amh_tf.predict predicts that span. The output is a page with a player, or a
file for other programs: CSV, JSON, SRT, WebVTT or Praat's TextGrid. Stopped work continues.
"""

from amh_tf import api, progress
from amh_tf.commands import cli, flag_kit, prediction_flags, timeline_flags

timeline_flags.define()
# What the command itself needs, or reads in another form.
_OWN = ("run_dir", "cache_dir", "cache_gigabytes")


def main():
    """Makes a timeline by the flags."""
    flags = timeline_flags.FLAGS
    timeline_flags.check()
    run = api.load(flags.run_dir)
    run.check()
    chosen = {name: value for name, value in flag_kit.chosen().items() if name not in _OWN}
    timeline = run.timeline(**chosen)
    progress.console.print("\n".join(timeline.notes))
    count = len(timeline.entries)
    progress.console.print(f"{count:,} segments of {timeline.recording} are in {flags.output}.")


if __name__ == "__main__":
    cli.run(
        main,
        on_stop="the same command continues where it stopped",
        take_arguments=prediction_flags.take_clip,
    )
