import dataclasses
import json

import pytest

from amh_tf import config, schema


def run_config(**training):
    return config.RunConfig(
        data=config.DataConfig("data/fold01"),
        model=config.ModelConfig(vocabulary_size=10),
        training=config.TrainingConfig(**training),
        data_fingerprint="abc",
    )


def test_defaults_are_the_authors():
    model, training = run_config().model, run_config().training
    assert (model.audio_units, model.text_units, model.video_units) == (200, 200, 128)
    assert (model.audio_dropout, model.text_dropout, model.video_dropout) == (0.3, 0.7, 0.3)
    assert (model.bidirectional, model.reset_after, model.num_hops) == (False, False, 7)
    assert (training.learning_rate, training.clip_norm) == (1e-3, 1.0)
    assert (training.validation_interval, training.patience) == (0.3, 15)
    assert run_config().data.batch_size == 128


def test_json_gives_the_configuration_back():
    written = run_config(seed=4, max_steps=9)
    assert config.RunConfig.from_dict(json.loads(written.to_json())) == written


@pytest.mark.parametrize("fields", [{}, {"data": {"surprise": 1}}, {"data": 5}])
def test_damaged_fields_are_refused(fields):
    with pytest.raises(ValueError, match="not those of a run"):
        config.RunConfig.from_dict(fields)


def test_differences_are_named():
    assert run_config().differences(run_config()) == []
    assert run_config(seed=1).differences(run_config(seed=2)) == [("seed", 1, 2)]
    moved = dataclasses.replace(run_config(), data=config.DataConfig("elsewhere"))
    assert run_config().differences(moved) == []


@pytest.mark.parametrize(
    ("make", "settings", "message"),
    [
        (config.ModelConfig, {"num_hops": 0}, r"`num_hops`.*num_hops=0.*--hops"),
        (
            config.ModelConfig,
            {"model": "mha"},
            r"`modalities`.*exactly two modalities.*Expected 2 of.*--modalities",
        ),
        (
            config.ModelConfig,
            {"model": "rnn_attn", "modalities": ("audio", "text")},
            r"`modalities`.*a single modality",
        ),
        (
            config.ModelConfig,
            {"model": "mha", "modalities": ("audio", "text"), "num_hops": 4},
            r"`num_hops`.*at most 3",
        ),
        (config.ModelConfig, {"model": "mdre", "num_hops": 3}, r"MDRE, which has no hops.*--hops"),
        (config.ModelConfig, {"model": "lstm"}, r"`model`.*'rnn_attn'.*--model"),
        (config.ModelConfig, {"cell": "rnn"}, r"`cell`.*'lstm'.*--cell"),
        (config.ModelConfig, {"dtype": "int8"}, r"`dtype`.*'bfloat16'.*--dtype"),
        (config.ModelConfig, {"text_width": -1}, r"`text_width`.*at least 0"),
        (config.ModelConfig, {"text_units": 0}, r"`text_units`.*--text_units"),
        (config.ModelConfig, {"video_dropout": 1.0}, r"`video_dropout`.*drop rate"),
        (
            config.ModelConfig,
            {"modalities": ("audio",)},
            r"`modalities`.*2 or 3 of the letters.*'a'.*--modalities",
        ),
        (config.ModelConfig, {"modalities": ("text", "audio")}, r"`modalities` do not suit"),
        (config.TrainingConfig, {"learning_rate": 0.0}, r"`learning_rate`.*above 0"),
        (config.TrainingConfig, {"learning_rate": float("nan")}, r"`learning_rate`"),
        (config.TrainingConfig, {"patience": -1}, r"`patience`.*at least 0"),
        (config.TrainingConfig, {"max_steps": 0}, r"`max_steps`.*at least 1"),
        (config.TrainingConfig, {"selection_metric": "accuracy"}, r"`selection_metric`"),
        (config.DataConfig, {"data_dir": "x", "batch_size": 0}, r"`batch_size`.*--batch_size"),
        (config.DataConfig, {"data_dir": "x", "batch_size": 1 << 62}, r"`batch_size`.*at most"),
        (config.ModelConfig, {"audio_units": 10**12}, r"`audio_units`.*at most"),
        (config.TrainingConfig, {"seed": 1 << 40}, r"`seed`.*at most 4294967295"),
        (config.TrainingConfig, {"validation_interval": 1e308}, r"`validation_interval`"),
        (config.DataConfig, {"data_dir": "x", "fold": -1}, r"`fold`.*--fold"),
    ],
)
def test_impossible_setting_is_refused(make, settings, message):
    if make is config.ModelConfig:
        settings = {"vocabulary_size": 10, **settings}
    with pytest.raises(ValueError, match=message):
        make(**settings)


def test_settings_of_earlier_versions_read_word_ids():
    fields = json.loads(run_config().to_json())
    del fields["model"]["text_width"]
    read = config.RunConfig.from_dict(fields)
    assert read == run_config() and read.model.reads_word_ids()


def test_inputs_are_described():
    settings = {"vocabulary_size": 10, "standardize": "speaker", "audio_width": 8}
    ids = config.ModelConfig(**settings)
    vectors = config.ModelConfig(**settings, text_width=6)
    audio = config.ModelConfig(**settings, model="rnn_attn", modalities=("audio",))
    assert ids.input_spec("text") == ((None,), "int32")
    assert vectors.input_spec("text") == ((None, 6), "float32")
    for model in (ids, vectors):
        assert model.input_spec("audio") == ((None, 8), "float32")
        assert model.input_spec("audio_length") == ((), "int32")
        assert model.input_spec("audio_deviation") == ((8,), "float32")
        assert not model.reads_word_ids("audio")
    assert [model.reads_word_ids() for model in (ids, vectors, audio)] == [True, False, False]
    assert vectors.standardized == ("audio", "video")


def test_letters_choose_modalities_in_order():
    assert schema.modalities_from_letters("vta") == ("audio", "text", "video")
    assert schema.modalities_from_letters("va") == ("audio", "video")


@pytest.mark.parametrize("letters", ["", "x", "aa", "atvx"])
def test_wrong_letters_are_refused(letters):
    with pytest.raises(ValueError, match="--modalities=atv"):
        schema.modalities_from_letters(letters)


@pytest.mark.parametrize("modalities", [("",), ("audio", ""), (None, "text"), ([], "text")])
def test_modality_without_a_name_is_refused(modalities):
    with pytest.raises(ValueError, match="`modalities` do not suit the model"):
        config.ModelConfig(vocabulary_size=2, modalities=modalities)
