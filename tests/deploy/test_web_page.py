"""The live page as files: what is written, what is escaped, and what is refused."""

import dataclasses
import hashlib
import html.parser
import io
import json
import re
import subprocess
import tarfile
from importlib import resources

import pytest

from amh_tf import errors, palette, schema
from amh_tf.deploy import raw_inputs, web_page, web_runtime, write
from amh_tf.features import text
from tests import commands
from tests.deploy import test_write

HOSTILE = '<img src="x" onerror="alert(1)"> & {{ data }}'
CONTENTS = {name: f"the content of {name}".encode() for name in web_runtime.FILES}


class Tags(html.parser.HTMLParser):
    """Collects tags and their attributes."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


@pytest.fixture
def pinned(monkeypatch):
    """Pins other files in place of ONNX Runtime's."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    monkeypatch.setattr(web_runtime, "FILES", digests)


def archive(path, contents):
    with tarfile.open(path, "w:gz") as file:
        for name, content in {**contents, "other.js": b"not needed"}.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def fake_npm(monkeypatch, tmp_path, act):
    """Puts a program in npm's place; `act` gets its arguments and folder, and returns its end."""
    calls = []

    def run(command, cwd, **settings):
        calls.append(command[1:])
        return subprocess.CompletedProcess(command, *act(cwd))

    monkeypatch.setattr(web_runtime.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(web_runtime.subprocess, "run", run)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return calls


def test_runtime_is_read_from_an_archive_and_from_folders(pinned, tmp_path):
    assert web_runtime.read(archive(tmp_path / "a.tgz", CONTENTS)) == CONTENTS
    installed = tmp_path / "project" / "node_modules" / "onnxruntime-web" / "dist"
    installed.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (installed / name).write_bytes(content)
    for folder in (installed, installed.parent, tmp_path / "project"):
        assert web_runtime.read(folder) == CONTENTS


def test_runtime_of_other_bytes_is_refused(pinned, tmp_path):
    first, *_ = CONTENTS
    changed = archive(tmp_path / "b.tgz", {**CONTENTS, first: b"other bytes"})
    with pytest.raises(errors.InputError, match=rf"b.tgz' is not .*{first} with SHA-256"):
        web_runtime.read(changed)
    with pytest.raises(errors.InputError, match=r"Received: no file.*npm pack .*--web_runtime"):
        web_runtime.read(tmp_path / "nowhere")
    (tmp_path / "c.tgz").write_bytes(changed.read_bytes()[:100])
    with pytest.raises(errors.InputError, match=r"c\.tgz' cannot be read"):
        web_runtime.read(tmp_path / "c.tgz")


def test_runtime_is_fetched_once(pinned, tmp_path, monkeypatch):
    def pack(cwd):
        archive(cwd + "/onnxruntime-web.tgz", CONTENTS)
        return 0, "", ""

    calls = fake_npm(monkeypatch, tmp_path, pack)
    assert web_runtime.read() == web_runtime.read() == CONTENTS
    assert calls == [
        ["pack", f"onnxruntime-web@{web_runtime.VERSION}", "--ignore-scripts", "--silent"]
    ]
    # What was damaged is fetched again.
    (cached,) = (tmp_path / "cache").rglob("*.wasm")
    cached.write_bytes(b"damaged")
    assert web_runtime.read() == CONTENTS
    assert len(calls) == 2 and cached.read_bytes() == CONTENTS[cached.name]


def test_what_npm_gives_is_compared(pinned, tmp_path, monkeypatch):
    def pack(cwd):
        archive(cwd + "/onnxruntime-web.tgz", dict.fromkeys(CONTENTS, b"of somebody else"))
        return 0, "", ""

    fake_npm(monkeypatch, tmp_path, pack)
    with pytest.raises(errors.InputError, match="what npm has fetched' is not onnxruntime-web"):
        web_runtime.read()
    assert not (tmp_path / "cache").exists()


def test_failure_of_npm_is_reported(tmp_path, monkeypatch):
    fake_npm(monkeypatch, tmp_path, lambda cwd: (1, "", "npm error code ENOTFOUND\nnpm error more"))
    with pytest.raises(errors.InputError, match=r"exit code 1, npm error code ENOTFOUND\. Give"):
        web_runtime.read()
    monkeypatch.setattr(web_runtime.shutil, "which", lambda name: None)
    with pytest.raises(errors.InputError, match=r"Received: no npm\. Give the command `npm pack"):
        web_runtime.read()


@pytest.fixture(scope="module")
def folder(exported, tmp_path_factory):
    """The page of the tiny run, whose names are hostile."""
    inputs = dataclasses.replace(exported.trained.inputs, data=HOSTILE)
    trained = dataclasses.replace(exported.trained, inputs=inputs)
    folder = tmp_path_factory.mktemp("page")
    web_page.save(trained, folder, CONTENTS, "the card", exported.run_dir)
    return folder


def test_page_has_all_that_it_asks_for(folder):
    page = (folder / "index.html").read_text(encoding="utf-8")
    tags = Tags(page).tags
    for tag, attributes in tags:
        target = attributes.get("src") or (attributes.get("href") if tag in ("link", "a") else None)
        if target and not target.startswith("#"):
            assert (folder / target).is_file(), target
    for module in folder.glob("*.js"):
        code = module.read_text(encoding="utf-8")
        for target in re.findall(r'from "\./([^"]+)"|new URL\("([\w.]+)"', code):
            assert (folder / "".join(target)).is_file(), (module.name, target)
    names = {path.name for path in (folder / "model").iterdir()}
    assert names == {"audio_encoder.onnx", "text_encoder.onnx", "hops.onnx", "features.onnx"}
    assert {path.name: path.read_bytes() for path in (folder / "runtime").iterdir()} == CONTENTS
    assert (folder / "model_card.txt").read_text() == "the card"


def test_page_lets_nothing_out(folder):
    page = (folder / "index.html").read_text(encoding="utf-8")
    tags = Tags(page).tags
    (policy,) = (
        attributes["content"]
        for tag, attributes in tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert allowed["default-src"] == "'none'" and allowed["connect-src"] == "'self'"
    assert not re.search(r"https?:|\*|unsafe-inline|unsafe-eval' ", policy.replace("wasm-", ""))
    # The policy forbids them: they would have no effect.
    assert not any({"style", "onclick"} & attributes.keys() for _, attributes in tags)
    assert "<img" not in page and "&lt;img src=&quot;x&quot;" in page and "{{ data }}" in page


def test_page_says_what_the_model_is(folder, exported):
    page = " ".join((folder / "index.html").read_text(encoding="utf-8").split())
    score = exported.trained.reports["test"]["unweighted_accuracy"]
    for sentence in (
        "Not fit to judge people",
        "trained on 40 utterances of",
        f"its unweighted accuracy is {score['value']:.3f}",
        "The data are synthetic",
        "It hears 7.5 s at a time",
        "The page has none: it answers without.",
        "Level and colour of your microphone are not taken out",
    ):
        assert sentence in page, sentence


def test_classes_have_the_colours_of_timelines(folder, exported):
    sheet = (folder / "classes.css").read_text(encoding="utf-8")
    for number, color in enumerate(palette.colors(exported.trained.inputs.classes)):
        assert f"--class-{number}: {color};" in sheet
        assert f".class-{number} {{ --color: {color}; }}" in sheet
        assert f'class="class-{number}"' in (folder / "index.html").read_text(encoding="utf-8")


def test_settings_are_those_of_the_run(folder, exported):
    settings = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert settings["classes"] == list(schema.PAPER_CLASSES)
    assert settings["hops"] == ["video", "audio", "text"] and settings["is_carried"]
    assert settings["audio"]["window"] == 120_000 and settings["audio"]["reach"] == 4
    assert [tuple(rule) for rule in settings["text"]["rules"]] == list(text.rules(text.SPACES))
    vocabulary = (folder / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    assert vocabulary == list(exported.trained.inputs.vocabulary)


def test_documents_of_a_run_go_along(exported, tmp_path):
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (run_dir / "LICENSE").write_text("CC")
    (tmp_path / "page").mkdir()
    web_page.save(exported.trained, tmp_path / "page", CONTENTS, "", run_dir)
    assert (tmp_path / "page" / "licence.txt").read_text() == "CC"
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert 'href="licence.txt"' in page and "training.txt" not in page


def test_export_writes_and_renews_the_page(run_dir, tmp_path, monkeypatch):
    contents = iter(("first", "second"))

    def save_page(trained, folder, runtime, card, run_dir):
        assert runtime == CONTENTS and card.startswith("# AMH-3")
        (folder / "model.json").write_text(next(contents))

    # What else an export holds has tests of its own.
    monkeypatch.setattr(web_page, "save", save_page)
    monkeypatch.setattr(write.serving, "save", lambda run, folder: test_write.fake_save(folder))
    monkeypatch.setattr(write.edge, "save", lambda model, _, folder: test_write.fake_save(folder))
    for content in ("first", "second"):
        write.write(run_dir, tmp_path, web_runtime=CONTENTS)
        assert (tmp_path / "web" / "model.json").read_text() == content


def test_folder_of_other_files_is_not_replaced(run_dir, tmp_path):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "thesis.tex").write_text("precious")
    with pytest.raises(errors.InputError, match=r"web' is not a live page.*--output_dir"):
        write.write(run_dir, tmp_path, web_runtime=CONTENTS)
    assert (tmp_path / "web" / "thesis.tex").exists() and not (tmp_path / "serving").exists()


def test_model_that_hears_nothing_is_refused(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(raw_inputs, "made_of", lambda trained: [])
    with pytest.raises(errors.InputError, match=r"cannot answer on a page.*Leave --web out"):
        web_page.check(exported.trained)


def test_every_file_of_the_page_is_in_the_package():
    names = {path.name for path in resources.files("amh_tf.deploy").joinpath("web").iterdir()}
    assert {"page.js", "worker.js", "capture.js", "style.css", "icon.svg"} <= names
    assert all(name.endswith((".js", ".css", ".svg", ".txt")) for name in names)


def test_export_without_npm_says_what_to_do(run_dir, tmp_path):
    finished = commands.run(
        "-m", "amh_tf.export", f"--run_dir={run_dir}", f"--output_dir={tmp_path / 'out'}", "--web",
        environment={"PATH": "", "XDG_CACHE_HOME": str(tmp_path)},
    )  # fmt: skip
    commands.assert_refused(finished, "no npm", "npm pack onnxruntime-web@", "--web_runtime")
    assert not (tmp_path / "out").exists()
