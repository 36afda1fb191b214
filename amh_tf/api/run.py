"""A run that was trained, opened: what it says of clips, and its scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

import numpy as np

from amh_tf import checking, config, errors, imports, progress, schema
from amh_tf.api import asked, keywords
from amh_tf.api import settings as known
from amh_tf.data import manifest

if TYPE_CHECKING:
    from amh_tf.prediction.clip import Clip, Prediction
    from amh_tf.prediction.predictor import Predictor
    from amh_tf.prediction.stream import Stream
    from amh_tf.prediction.timeline.result import Timeline


class Run:
    """A run's folder, opened. Its model is read once, when the first clip comes.

    Args:
        folder: The folder, with the `config.json` that `amh_tf.train` writes.

    Attributes:
        folder: As given, a `Path`.

    Raises:
        InputError: If the folder is not a run's.

    Example:

    >>> import amh_tf, numpy as np
    >>> run = amh_tf.load("export/models/ravdess")
    >>> run
    <Run 'export/models/ravdess': RNN-attn (A)>
    >>> run.classes[:3]
    ('neutral', 'calm', 'happy')
    >>> run.config.seeds
    (1, 2, 3)
    """

    def __init__(self, folder: known.Path):
        from amh_tf.runs import run_folder

        self.folder = Path(folder)
        self._files = run_folder.RunFolder(self.folder)
        self._config = self._files.load_config()
        self._predictors: dict[str | None, Predictor] = {}

    def __repr__(self) -> str:
        return f"<Run {str(self.folder)!r}: {self._config.model.title}>"

    @property
    def config(self) -> config.RunConfig:
        """The settings, as `config.json` holds them."""
        return self._config

    def check(self) -> None:
        """Refuses a run that was not trained yet, before anything is imported for it.

        Raises:
            InputError: If there is no model.
        """
        self._files.check_trained()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the model's outputs."""
        from amh_tf.runs import run_inputs

        return tuple(run_inputs.load(self.folder, self._config).classes)

    @property
    def metrics(self) -> dict[str, Any]:
        """The scores of each part that was scored, as `metrics.json` holds them now."""
        return self._files.load_metrics()

    @overload
    def predict(
        self,
        clip: asked.One | None = None,
        rate: int | None = None,
        **settings: Unpack[known.PredictionSettings],
    ) -> "Prediction": ...

    @overload
    def predict(
        self,
        clip: list[asked.One] | list[str] | list[Path] | list[np.ndarray],
        rate: int | None = None,
        **settings: Unpack[known.PredictionSettings],
    ) -> "list[Prediction]": ...

    def predict(self, clip=None, rate=None, **settings):
        """Predicts the emotion of a clip, or of several.

        Args:
            clip: Path of a video or of sound; an array of sound, `(samples,)` or `(samples,
                channels)`, floats in +-1 or integers, with its `rate`; a pair of both; an
                `amh_tf.Clip`; or a list of such. None where `video`, `audio` and `text` say all.
            rate: Samples a second of arrays.
            video, audio: Files, where sound and picture are apart.
            text: What is said, or a list, one for each clip. Default: what a speech recognizer
                hears, where the model reads words; "" for no words.
            start, end: Span in seconds, of the whole by default.
            side: Half of the picture that shows the speaker: "whole", "left" or "right".
            enroll: Other recordings of the same speaker, for a model that standardizes by speaker.
            resnet_weights: Weights of ResNet-101, the same that the data set was made with.
            audio_features, text_features, video_features: The data set's pretrained encoders.
            asr, asr_model, asr_language, asr_compute_type: The speech recognizer, as the flags.
            data_dir: Where the run's data set is now; older runs need it.

        Returns:
            `Prediction`; of a list of clips, a list of them.

        Raises:
            InputError: If a clip cannot be read, or the run does not take it.
            ImportError: If a package of an extra is needed and not installed.

        Example (a hum, not a voice):

        >>> import amh_tf, numpy as np
        >>> hum = np.sin(2 * np.pi * 180 * np.arange(16000) / 16000) / 2
        >>> prediction = amh_tf.load("export/models/ravdess").predict(hum, rate=16000)
        >>> prediction.best in prediction.probabilities
        True
        >>> round(sum(prediction.probabilities.values()), 3)
        1.0
        """
        keywords.check("predict", settings, known.PredictionSettings)
        chosen = keywords.with_paths_as_text(settings)
        of_clip = {name: chosen.pop(name) for name in asked.OF_CLIP if name in chosen}
        answers = self._answers(asked.clips(clip, rate, of_clip, self._sees), chosen)
        return answers if asked.is_many(clip) else answers[0]

    @property
    def _sees(self):
        return "video" in self._config.model.modalities

    def _answers(self, clips: "list[Clip]", settings: dict[str, Any]) -> "list[Prediction]":
        return self._predictor(settings.pop("data_dir", None)).predict(clips, **settings)

    def _predictor(self, data_dir: str | None) -> "Predictor":
        """Returns the model, which is read once."""
        self.check()
        with imports.libraries():
            from amh_tf.prediction import predictor
        if data_dir not in self._predictors:
            self._predictors[data_dir] = predictor.Predictor(self.folder, data_dir)
        return self._predictors[data_dir]

    def stream(
        self,
        *,
        enroll: Sequence[known.Path] = (),
        resnet_weights: known.Path | None = None,
        data_dir: known.Path | None = None,
    ) -> "Stream":
        """Starts to predict sound, words and pictures that come piece by piece.

        Args:
            enroll: Other recordings of the same speaker, for a model that standardizes by speaker.
            resnet_weights: Weights of ResNet-101, where pictures come and not their features.
            data_dir: Where the run's data set is now; older runs need it.

        Returns:
            `amh_tf.prediction.Stream`. Those of one `Run` share its model.

        Raises:
            InputError: If the model cannot be run on a stream.
        """
        own = self._predictor(None if data_dir is None else str(data_dir))
        from amh_tf.prediction import stream

        weights = None if resnet_weights is None else str(resnet_weights)
        return stream.Stream(own, enroll=list(map(str, enroll)), resnet_weights=weights)

    def timeline(self, **settings: Unpack[known.TimelineSettings]) -> "Timeline":
        """Predicts every segment of a whole recording.

        Args:
            video, audio: The recording: a video, with its own sound where `audio` is None and
                without where it is ""; or a sound.
            segments: File that says who speaks when: RTTM, SRT, WebVTT, CSV, TextGrid, JSON, or
                IEMOCAP's transcription. Default: speech is found (extra `vad`).
            encoding: Encoding of that file, where it is not UTF-8.
            side: Half of the picture that shows the speaker, where the segments do not say.
            speaker_statistics: "segment" or "recording": by what a model standardizes that does so
                by the speaker.
            enroll: Other recordings of the same speaker, for such a model.
            vad_threshold, min_speech, min_silence, max_segment: As the flags.
            resnet_weights: Weights of ResNet-101, the same that the data set was made with.
            audio_features, text_features, video_features: The data set's pretrained encoders.
            asr, asr_model, asr_language, asr_compute_type: The speech recognizer, as the flags.
            data_dir: Where the run's data set is now; older runs need it.
            output: File to write, beside which work is kept so that it continues after a stop; by
                default none is written.
            format: Its format, "html", "csv", "json", "srt", "vtt" or "textgrid"; by its ending by
                default.
            media: What a page plays: "auto", "link" or "none".

        Returns:
            `Timeline`.

        Raises:
            InputError: If the recording or its segments cannot be read, no speech is found, or the
                run does not take it.
            ImportError: If a package of an extra is needed and not installed.
        """
        keywords.check("timeline", settings, known.TimelineSettings)
        self.check()
        with imports.libraries():
            from amh_tf.prediction.timeline import writing
        chosen = keywords.with_paths_as_text(settings)
        return writing.make(self._predictor(chosen.pop("data_dir", None)), chosen)

    def evaluate(
        self,
        split: str = "test",
        *,
        drop: Sequence[str] | None = None,
        data_dir: known.Path | None = None,
        verify: str = "sizes",
        quiet: bool = False,
    ) -> dict[str, Any]:
        """Scores the run on a part of its data set, and writes what `amh_tf.evaluate` writes.

        Args:
            split: "train", "dev" or "test".
            drop: Modalities to score without, such as ["video"], or ["all_subsets"].
            data_dir: Where the run's data set is now, if it has moved.
            verify: "sizes", or "full" to compare SHA-256 too.
            quiet: Whether nothing is printed.

        Returns:
            The part's report, as in `metrics.json`: `report["weighted_accuracy"]["value"]` and so
            on; with `drop` a dict from what was available, such as "audio+text", to the report.

        Raises:
            InputError: If the run has no model yet, or the data set is another one.
        """
        checking.require(
            split in schema.SPLITS,
            "split",
            "is not known",
            f"one of {', '.join(schema.SPLITS)}",
            split,
            "Set it with --split.",
        )
        location = None if data_dir is None else str(data_dir)
        own = self._config
        self.check()
        manifest.load(location or own.data.data_dir)
        with imports.libraries():
            from amh_tf.training import absence, scoring, startup
        with progress.silence(quiet):
            startup.prepare(own.training.batch_split, own.model, begun=own.kernel)
            if drop is not None:
                return absence.evaluate(str(self.folder), split, list(drop), location, verify)
            return scoring.evaluate(str(self.folder), split, location, verify)


def load(folder: known.Path) -> Run:
    """Opens a run, or an export of one.

    Args:
        folder: Folder of a run; or of what `python -m amh_tf.export` wrote, or its served
            SavedModel. An export predicts from sound and words alone, and has no scores.

    Returns:
        `Run`.

    Raises:
        InputError: If the folder is neither.

    Example:

    >>> import amh_tf
    >>> amh_tf.load("nowhere")
    Traceback (most recent call last):
        ...
    amh_tf.errors.InputError: 'nowhere' is neither a run nor an export. Expected ...
    """
    from amh_tf.api import exported

    path = Path(folder)
    if (path / "config.json").is_file():
        return Run(path)
    served = exported.served_in(path)
    if served:
        return exported.ExportedRun(served)
    raise errors.InputError(
        f"{str(folder)!r} is neither a run nor an export. Expected a folder with config.json, as "
        "`amh_tf.train` writes it, or with saved_model.pb, as `amh_tf.export` does. Received: "
        + ("a folder without them." if path.is_dir() else "no such folder.")
    )
