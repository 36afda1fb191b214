"""Keywords of the library: names, meanings and defaults are those of the commands' flags."""

from collections.abc import Sequence
from os import PathLike
from typing import TypedDict

Path = str | PathLike[str]


class TrainingSettings(TypedDict, total=False):
    """What `amh_tf.train` takes besides the data set, the run's folder and a recipe."""

    cache_dir: Path
    cache_gigabytes: float
    protocol: str | None
    fold: int
    batch_size: int
    shuffle_megabytes: int
    bucketing: bool
    verify: str
    model: str
    modalities: str | None
    hops: int | None
    audio_units: int
    audio_layers: int
    audio_dropout: float
    text_units: int
    text_layers: int
    text_dropout: float
    video_units: int
    video_layers: int
    video_dropout: float
    modality_dropout: float
    standardize: str
    audio_stride: int
    state_dropout: float
    audio_speed: float
    audio_time_mask: float
    audio_frequency_mask: float
    audio_level: float
    audio_noise: float
    video_noise: float
    cell: str | None
    bidirectional: bool | None
    reset_after: bool
    dtype: str
    kernel: str
    seed: int
    seeds: Sequence[int]
    learning_rate: float
    clip_norm: float
    validation_interval: float
    patience: int
    max_epochs: int
    max_steps: int
    warmup: float
    weight_decay: float
    label_smoothing: float
    logit_adjustment: float
    mixup: float
    average_share: float
    selection_metric: str
    schedule: str
    weights: str
    shuffle_labels: bool
    class_weight: str
    embedding: str
    batch_split: str
    distribution: str
    data_service: str | None


class PreparationSettings(TypedDict, total=False):
    """What `amh_tf.prepare` takes besides the source and the folders."""

    encoding: str | None
    name: str | None
    labels: str | None
    left_speaker: str
    ravdess_channel: str
    audio_dir: Path | None
    max_audio_length: int
    max_text_length: int
    max_video_length: int
    records_per_shard: int
    feature_dtype: str
    protocols: Sequence[str] | None
    num_folds: int
    fold_seed: int
    fold_repeats: int
    dev_speakers: int
    transcripts: str
    classes: Sequence[str]
    audio_features: Path | None
    text_features: Path | None
    video_features: Path | None
    audio_layer: str
    text_layer: str
    video_layer: str
    audio_steps_per_second: float | None
    encoder_dtype: str
    encoder_batch: int
    planted_seed: int
    planted_sizes: Sequence[int]
    modalities: str | None
    unspaced_scripts: str
    use_energy: bool
    trim_silence: float | None
    resnet_weights: Path | None
    resnet_dtype: str
    resnet_resize: bool
    video_region: str
    asr: str
    asr_model: Path | None
    asr_language: str | None
    asr_compute_type: str
    glove: Path | None
    on_error: str
    keep_work: bool
    runner: str | None
    beam_options: str


class _RecordingSettings(TypedDict, total=False):
    """Where a recording is, and how its features are made, for a clip and for a timeline."""

    video: Path | None
    audio: Path | None
    side: str
    enroll: Sequence[Path]
    resnet_weights: Path | None
    audio_features: Path | None
    text_features: Path | None
    video_features: Path | None
    asr: str
    asr_model: Path | None
    asr_language: str | None
    asr_compute_type: str
    data_dir: Path | None


class TimelineSettings(_RecordingSettings, total=False):
    """What `Run.timeline` takes."""

    segments: Path | None
    encoding: str | None
    speaker_statistics: str
    vad_threshold: float
    min_speech: float
    min_silence: float
    max_segment: float | None
    output: Path | None
    format: str | None
    media: str


class PredictionSettings(_RecordingSettings, total=False):
    """What `Run.predict` takes besides the clip and an array's rate."""

    text: str | Sequence[str] | None
    start: float | None
    end: float | None
