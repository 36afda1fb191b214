"""The flags of preparing a data folder. Only its entry point imports this."""

from amh_tf import preparation, schema
from amh_tf.commands import extraction_flags, feature_flags, flag_kit
from amh_tf.corpora import iemocap, label_sets, ravdess
from amh_tf.data import dev_part, protocol_folds
from amh_tf.extraction import settings

_define = flag_kit.define


def define():
    """Flags of writing a data folder."""
    _define_source(preparation.SOURCES, required=True)
    _define_sets()
    _define_folder()
    _define_folds()
    _define_features()
    extraction_flags.define()


@flag_kit.group("Corpus")
def _define_sets():
    _define(
        "list",
        "classes",
        list(schema.PAPER_CLASSES),
        "Class names in the order of the labels; for folds only.",
    )
    _define("integer", "planted_seed", 1, "Seed of the planted-cue set.", lower_bound=0)
    _define("list", "planted_sizes", ["3000", "400", "400"], "Its train, dev and test sizes.")


@flag_kit.group("Data folder")
def _define_folder():
    _define("path", "output_dir", None, "Data folder to write (required).", required=True)
    _define("integer", "records_per_shard", 256, "Utterances per TFRecord shard.", lower_bound=1)
    _define(
        "enum",
        "feature_dtype",
        "float32",
        "How shards store audio and video; float16 takes half the space and reads faster.",
        enum_values=schema.FEATURE_DTYPES,
    )


@flag_kit.group("Features")
def _define_features():
    for modality, length in schema.MAX_LENGTHS.items():
        _define(
            "integer",
            f"max_{modality}_length",
            length,
            f"Steps of {modality} that are kept.",
            lower_bound=1,
        )
    _define(
        "enum",
        "transcripts",
        "reference",
        "Whether words are reference transcripts or recognized; for folds, which they hold.",
        enum_values=list(settings.TRANSCRIPTS),
    )
    feature_flags.define()


@flag_kit.group("Corpus")
def define_inspection():
    """Flags of checking a corpus before its features are made."""
    _define_source(preparation.RAW_SOURCES, required=False)
    _define(
        "string",
        "modalities",
        None,
        "Which files of the corpus to read: letters of a, v; t for none, which compares counts and "
        "names alone. Default: all.",
    )


@flag_kit.group("Corpus")
def _define_source(sources, required):
    """Flags that say which corpus, and how it is read."""
    _define(
        "enum",
        "source",
        None,
        "Where utterances come from: the authors' preprocessed folds, the planted-cue "
        "set (synthetic), a corpus as released (docs/corpora.md has where each is had), a corpus "
        "with EmoBox's folds, or a table of your own recordings.",
        enum_values=list(sources),
        required=required,
    )
    _define(
        "path",
        "source_dir",
        None,
        "Folder of one preprocessed fold or of the release; for a table, its file; for emobox, the "
        "corpus' folder in EmoBox's data.",
    )
    _define(
        "string",
        "encoding",
        None,
        "Encoding of a table or of MELD's, such as gb18030, shift_jis or windows-1251. Default: "
        "UTF-8, UTF-16 where its first bytes say so, Windows-1252 where nearly all is ASCII.",
    )
    _define("string", "name", None, "Name of the data set in results; for folds and tables.")
    _define(
        "string",
        "labels",
        None,
        f"Label set of raw recordings: {', '.join(label_sets.NAMED)}, or classes of your own such "
        "as ang,joy=hap+exc,sad. Default: paper for IEMOCAP, for other corpora the set of their "
        "name, all for a table and emobox.",
    )
    _define(
        "enum",
        "left_speaker",
        "auto",
        "IEMOCAP: who sits on the left half of the picture: the actor whom the dialog is named "
        "after (auto), the other one, always the woman or the man.",
        enum_values=list(iemocap.LEFT_SPEAKERS),
    )
    _define(
        "enum",
        "ravdess_channel",
        "speech",
        "RAVDESS: whether to take its speech, its song, or both.",
        enum_values=list(ravdess.CHANNELS),
    )
    _define(
        "path",
        "audio_dir",
        None,
        "emobox: folder of the sound. Default: EmoBox's own, with downloads/CORPUS in it.",
    )


@flag_kit.group("Folds")
def _define_folds():
    """Flags that say how utterances are split."""
    _define(
        "list",
        "protocols",
        None,
        f"Protocols to compute folds for: {', '.join(protocol_folds.PROTOCOLS)}. Default: "
        "given where the source publishes folds, and else what suits it.",
    )
    _define(
        "integer", "num_folds", protocol_folds.NUM_FOLDS, "Folds of random, speaker_kfold and text."
    )
    _define("integer", "fold_seed", 0, "Seed of the folds that are drawn.", lower_bound=0)
    _define(
        "integer",
        "fold_repeats",
        1,
        "How often the folds of random and speaker_kfold are drawn.",
    )
    _define(
        "integer",
        "dev_speakers",
        dev_part.SPEAKERS,
        "Speakers that are taken out of a training part to select on, where a fold has no dev "
        "part; a tenth of its utterances where the speakers are unknown.",
    )


def chosen():
    """Returns the flags that are set, by name; sizes as numbers.

    Raises:
        InputError: If a size is not a number.
    """
    return flag_kit.chosen(numbers=("planted_sizes",))
