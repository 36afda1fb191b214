"""Predicts the emotion of one clip:

python -m amh_tf.predict clip.mp4 --run_dir=DIR --resnet_weights=FILE --attention=out.png

arecord -f S16_LE -r 16000 -t raw | python -m amh_tf.predict --stream --run_dir=DIR

The clip is a video or a sound: --video or --audio, where it is not said beside them. With --stream
it is raw sound on standard input, which is predicted while it comes.
The run's data set must say that its features are those that are made here: one of recordings does,
one of folds where `amh_tf.prepare` was told so (--audio_features, --video_features). Where an
encoder made them, the same flags say where it is now.
"""

import json
import sys

from amh_tf import api, progress
from amh_tf.commands import cli, listen, prediction_flags, stream_flags
from amh_tf.features.pretrained import choice

prediction_flags.define()
stream_flags.define()


def _print(predicted, as_json):
    from amh_tf.scores import score_tables

    if not as_json:
        progress.console.print("\n".join(predicted.notes))
        score_tables.print_prediction(predicted)
        return
    for note in predicted.notes:
        print(note, file=sys.stderr)
    print(json.dumps(predicted.as_dict(), indent=1, ensure_ascii=False))


def main():
    """Predicts by the flags."""
    flags = prediction_flags.FLAGS
    stream_flags.check()
    prediction_flags.check()
    run = api.load(flags.run_dir)
    run.check()
    if flags.stream:
        listen.listen(run, flags)
        return
    chosen = prediction_flags.chosen_clip()
    names = ["resnet_weights", *choice.FLAGS.values(), "asr", "asr_model", "asr_language"]
    names += ["asr_compute_type", "data_dir", "enroll"]
    settings = {name: flags[name].value for name in names if flags[name].present}
    predicted = run.predict(chosen, **settings)
    as_json = flags.format == "json"
    _print(predicted, as_json)
    if flags.attention:
        from amh_tf.prediction import attention_plot

        attention_plot.draw(predicted, flags.attention)
        message = f"What each hop attended to is in {flags.attention}."
        print(message, file=sys.stderr if as_json else sys.stdout)


if __name__ == "__main__":
    cli.run(main, take_arguments=prediction_flags.take_clip)
