import pytest

from amh_tf.corpora import clips
from tests.corpora import trees


def find(folder, key=lambda path: path.stem):
    return clips.find(folder, (".wav",), key, "CORPUS", "files such as a.wav")


def test_hidden_files_are_no_files_and_endings_may_be_in_any_case(tmp_path):
    names = ["b.WAV", "a.wav", "._a.wav", ".git/c.wav", "in/d.Wav", "e.txt", "in/._d.Wav"]
    trees.write_names(tmp_path, names)
    assert list(find(tmp_path).paths) == ["a", "b", "d"]


def test_links_are_followed_and_a_circle_ends(tmp_path):
    trees.write_names(tmp_path, ["elsewhere/a.wav", "top/b.wav"])
    (tmp_path / "top/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "top/around").symlink_to(tmp_path / "top")
    (tmp_path / "top/broken.wav").symlink_to(tmp_path / "nowhere.wav")
    found = find(tmp_path / "top")
    assert list(found.paths) == ["a", "b"] and not found.copies


def test_copy_counts_once_and_the_outer_one_stays(tmp_path):
    for parent in ("", "again/"):
        (tmp_path / f"{parent}x").mkdir(parents=True)
        (tmp_path / f"{parent}x/a.wav").write_bytes(b"same")
    found = find(tmp_path)
    assert found.paths == {"a": tmp_path / "x/a.wav"} and found.copies == 1


def test_two_files_of_one_utterance_are_refused(tmp_path):
    trees.write_names(tmp_path, ["x/a.wav", "y/a.wav"])
    with pytest.raises(ValueError, match=r"Two files of CORPUS.*x/a\.wav.*y/a\.wav"):
        find(tmp_path)


@pytest.mark.parametrize("kind", ["missing", "empty", "file", "other files"])
def test_what_is_not_the_corpus_is_refused(tmp_path, kind):
    folder = tmp_path / "x"
    if kind == "file":
        folder.write_text("")
    elif kind != "missing":
        folder.mkdir()
    if kind == "other files":
        trees.write_names(folder, [f"{number}.wav" for number in range(7)])
    received = r"0\.wav, .*4\.wav and 2 more" if kind == "other files" else "no such file"
    with pytest.raises(
        ValueError, match=rf"not hold CORPUS\. Expected .* a\.wav.*{received}.*--source_dir"
    ):
        find(folder, key=lambda path: None)


def test_pointers_instead_of_recordings_are_refused(tmp_path):
    (tmp_path / "a.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(ValueError, match=r"a\.wav' holds no recording.*git lfs pull"):
        find(tmp_path)
