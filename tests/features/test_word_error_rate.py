"""The word error rate of transcripts."""

import importlib.util
import sys

import pytest

from amh_tf.features import transcribe

needs_jiwer = pytest.mark.skipif(
    not importlib.util.find_spec("jiwer"), reason="jiwer is not installed"
)


@needs_jiwer
@pytest.mark.parametrize(
    ("references", "hypotheses", "rate"),
    [
        (["Hello, there!"], ["hello there"], 0),
        (["It's fine."], ["it is fine"], 1 / 3),  # it 's fine
        (["a b c d"], ["a x c"], 2 / 4),
        (["a b", "c"], ["a b", "c d e"], 2 / 3),
        (["a b", "..."], ["a", "c"], 2 / 2),
        (["a"], [""], 1),
        (["[LAUGHTER] no"], ["no"], 1 / 2),
    ],
)
def test_word_error_rate(references, hypotheses, rate):
    assert transcribe.word_error_rate(references, hypotheses) == pytest.approx(rate)


@needs_jiwer
@pytest.mark.parametrize(("references", "hypotheses"), [([], []), (["a"], []), (["?"], ["a"])])
def test_nothing_to_compare_is_refused(references, hypotheses):
    with pytest.raises(ValueError, match="nothing to compare"):
        transcribe.word_error_rate(references, hypotheses)


def test_missing_jiwer_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(ValueError, match=r"pip install 'amh_tf\[asr\]'"):
        transcribe.word_error_rate(["a"], ["a"])
