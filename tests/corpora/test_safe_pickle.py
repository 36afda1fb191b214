import collections
import os
import pickle
import tracemalloc

import numpy as np
import pytest

from amh_tf.corpora import safe_pickle

WORDS = {"_PAD_": 0, "_UNK_": 1, "naïve": 2, "n't": 70_000, "x" * 300: -5}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_dictionary_is_read(tmp_path, protocol):
    path = tmp_path / "dic.pkl"
    path.write_bytes(pickle.dumps(WORDS, protocol))
    assert safe_pickle.read_dictionary(path) == WORDS


def test_python_2_dictionary_is_read(tmp_path):
    path = tmp_path / "dic.pkl"
    path.write_bytes(b"(dp0\nS'_PAD_'\np1\nI0\nsS'caf\\xc3\\xa9'\np2\nI1\ns.")
    assert safe_pickle.read_dictionary(path) == {"_PAD_": 0, "café": 1}


class Call:
    def __init__(self, function, *arguments):
        self.made_by = function, arguments

    def __reduce__(self):
        return self.made_by


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_is_refused_by_name_and_not_run(tmp_path, protocol):
    path, witness = tmp_path / "dic.pkl", tmp_path / "witness"
    path.write_bytes(pickle.dumps({"word": Call(os.mkdir, str(witness))}, protocol))
    with pytest.raises(ValueError, match=r"posix\.mkdir"):
        safe_pickle.read_dictionary(path)
    assert not witness.exists()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (["a", "b"], "EMPTY_LIST"),
        ({"a": 1.5}, "BINFLOAT"),
        ({"a": [1]}, "EMPTY_LIST"),
        ({"a": None}, "NONE"),
        ({"a": True}, "NEWTRUE"),
        ({"a": b"1"}, "SHORT_BINBYTES"),
        ({1: 2}, "a key of type int"),
        ({"a": "b"}, "a value of type str"),
        ({"a": {"b": 1}}, "a value of type dict"),
        ("text", "str"),
        (collections.OrderedDict(a=1), r"collections\.OrderedDict"),
        ({"a": np.int64(1)}, "numpy"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path, content, named):
    path = tmp_path / "dic.pkl"
    path.write_bytes(pickle.dumps(content, 4))
    with pytest.raises(ValueError, match=f"is not a plain dictionary.*{named}"):
        safe_pickle.read_dictionary(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        pickle.dumps(WORDS)[:-1],
        pickle.dumps(WORDS)[:10],
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.",  # a text of 2**63 characters
        b"}s.",  # items without a mark
        b"S'\\xff'\n.",  # not UTF-8
        b"(d",
    ],
)
def test_damaged_pickle_is_refused(tmp_path, data):
    path = tmp_path / "dic.pkl"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"dic\.pkl"):
        safe_pickle.read_dictionary(path)


def test_large_memo_index_takes_no_memory(tmp_path):
    path = tmp_path / "dic.pkl"
    path.write_bytes(b"\x80\x04}r\xff\xff\xff\x7f.")  # the reader in C would take gigabytes
    tracemalloc.start()
    assert safe_pickle.read_dictionary(path) == {}
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
