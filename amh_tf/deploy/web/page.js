// The page: takes sound and words, has a worker listen to them, and shows what it answers.

import { Attention } from "./attention.js";
import { Curve } from "./curve.js";
import { Readout } from "./readout.js";
import { Recording } from "./recording.js";
import { missing, openMicrophone, readFile } from "./sound.js";
import { Words } from "./words.js";

const PIECE = 8000; // samples of a file that go to the worker at a time
const NO_WORDS = { words: [], known: [] };

const element = (id) => document.getElementById(id);

/** Shows why nothing can be done. */
function refuse(message) {
  element("problem").textContent = message;
  element("problem").hidden = false;
}

/** Starts a worker under the page's own policy, which that of a file would not have. */
function startWorker() {
  const code = `import ${JSON.stringify(new URL("worker.js", import.meta.url).href)};`;
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  return new Worker(url, { type: "module" });
}

class Page {
  constructor(settings, vocabulary) {
    const { audio } = settings;
    this.settings = settings;
    this.recording = new Recording(audio?.window ?? 0);
    this.words = settings.text && new Words(settings.text, vocabulary);
    this.read = NO_WORDS; // what was typed, as words
    this.chosen = null; // place of the answer that is looked at; null for the newest
    this.microphone = null;
    this.isPaused = false;
    this.readout = new Readout(settings);
    const curve = { classes: settings.classes, rate: audio?.rate };
    this.curve = audio && new Curve(element("curve"), curve, (place) => this.choose(place));
    const places = { canvas: element("waveform"), words: element("read"), hops: element("hops") };
    this.attention = new Attention(places, settings, () => this.show());
    this.worker = startWorker();
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = () => refuse("The model cannot be started. Load the page again.");
    this.listen();
  }

  /** Connects what can be pressed. */
  listen() {
    const on = (id, event, act) => element(id)?.addEventListener(event, act);
    on("start", "click", () => this.toggleMicrophone());
    on("pause", "click", () => this.togglePause());
    on("clear", "click", () => this.clear());
    on("save", "click", () => this.save());
    on("file", "change", ({ target }) => this.open(target));
    on("words", "input", ({ target }) => this.type(target.value));
    on("player", "timeupdate", ({ target }) => this.seek(target));
    document.addEventListener("keydown", (event) => {
      const isFree = event.target === document.body || event.target === element("curve");
      if (event.key !== " " || !isFree || element("pause").disabled) return;
      event.preventDefault();
      this.togglePause();
    });
    // The colours and sizes of pictures follow the screen's.
    addEventListener("resize", () => this.show());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show());
  }

  /** Takes what the worker says. */
  hear({ kind, answer, message }) {
    if (kind === "failed") refuse(`The model cannot answer. ${message}`);
    if (kind === "ready") {
      document.documentElement.dataset.state = "ready";
      for (const id of ["start", "file", "words"]) element(id)?.removeAttribute("disabled");
      this.say(this.settings.audio ? "Ready. Start the microphone, or open a file." : "Ready.");
      this.show();
    }
    if (kind === "answer") {
      this.recording.answer(answer);
      const share = answer.share.toFixed(3);
      element("speed").textContent = `Here it takes ${share} s for each second of sound.`;
      this.show();
    }
  }

  say(text) {
    element("status").textContent = text;
  }

  async toggleMicrophone() {
    element("problem").hidden = true;
    if (this.microphone) return this.stop("The microphone is off.");
    if (this.file) this.clear();
    try {
      const { rate } = this.settings.audio;
      this.microphone = await openMicrophone(
        rate,
        (samples) => this.take(samples, true),
        () => this.stop("The microphone has gone."),
      );
      this.say("Listening.");
    } catch (error) {
      refuse(error.message);
    }
    this.show();
  }

  stop(text) {
    this.microphone?.stop();
    this.microphone = null;
    this.isPaused = false;
    this.end();
    this.say(text);
    this.show();
  }

  togglePause() {
    this.isPaused = !this.isPaused;
    if (this.isPaused) {
      this.microphone.pause();
      this.end(); // what comes after the pause is another utterance
    } else {
      this.microphone.resume();
    }
    this.say(this.isPaused ? "Paused." : "Listening.");
    this.show();
  }

  async open(input) {
    const [file] = input.files;
    input.value = ""; // so that the same file can be opened again
    if (!file) return;
    element("problem").hidden = true;
    if (this.microphone) this.stop("");
    this.clear();
    this.say(`Reading ${file.name}`);
    try {
      const { samples, note } = await readFile(file, this.settings.audio.rate);
      if (samples.length < this.settings.audio.frame_length) {
        throw new Error(`${file.name} is shorter than a frame of 25 ms. Expected a longer sound.`);
      }
      this.file = { name: file.name, note, seconds: samples.length / this.settings.audio.rate };
      element("player").src = URL.createObjectURL(file);
      for (let at = 0; at < samples.length; at += PIECE) {
        this.take(samples.subarray(at, at + PIECE), false);
      }
      this.end();
    } catch (error) {
      this.say("");
      refuse(error.message);
    }
    this.show();
  }

  /** Passes sound on to the worker. */
  take(samples, isLive) {
    if (this.isPaused || !samples.length) return;
    for (const [window, part] of this.recording.add(samples)) {
      const sound = { kind: "sound", window, samples: part, isLive };
      this.worker.postMessage(sound, [part.buffer]);
    }
    if (isLive) this.show();
  }

  /** Ends the window: it is answered whole, and the next sound begins another. */
  end() {
    this.recording.close();
    this.worker.postMessage({ kind: "close" });
  }

  type(text) {
    this.read = text.trim() ? this.words.read(text) : NO_WORDS;
    const last = this.recording.windows.at(-1);
    // Words belong to what was heard last, and to what comes next.
    const window = last?.count || !this.recording.isClosed ? last : this.recording.open();
    const ids = this.read.ids ?? new Int32Array(0);
    this.worker.postMessage({ kind: "words", window: window.id, ids });
    if (!ids.length && !window.count) window.answers = [];
    this.show();
  }

  clear() {
    this.file = null;
    this.chosen = null;
    const player = element("player");
    if (player?.src) {
      URL.revokeObjectURL(player.src);
      player.removeAttribute("src");
    }
    this.recording.clear();
    this.worker.postMessage({ kind: "clear" });
    if (this.microphone) this.say(this.isPaused ? "Paused." : "Listening.");
    else this.say("Ready.");
    if (this.read.words.length) this.type(element("words").value);
    this.show();
  }

  /** Hands out what was heard: to be predicted elsewhere, or to be listened to. */
  save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(this.recording.wav(this.settings.audio.rate));
    link.download = "heard.wav";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  /** Says when a file is read. */
  progress([window, answer]) {
    if (!this.file || !window) return;
    const { name, note, seconds } = this.file;
    const read = (window.start + answer.count) / this.settings.audio.rate;
    if (read >= seconds - 1e-6) this.say(`Read ${name}, ${seconds.toFixed(1)} s. ${note}`);
  }

  /** Follows the player of a file. */
  seek(player) {
    if (player.paused && !player.currentTime) return;
    const answers = this.recording.answers();
    const time = player.currentTime * this.settings.audio.rate;
    const place = answers.findIndex(([window, { count }]) => window.start + count >= time);
    this.choose(place < 0 ? null : place);
  }

  choose(place) {
    this.chosen = place;
    this.show();
  }

  /** Draws everything anew, once before the screen's next picture. */
  show() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const answers = this.recording.answers();
    if (this.chosen !== null && this.chosen >= answers.length) this.chosen = null;
    const [window, answer] = answers[this.chosen ?? answers.length - 1] ?? [];
    const shown = this.chosen === null ? this.recording.windows.at(-1) : window;
    const length = this.file?.seconds ?? Infinity;
    this.buttons();
    const text = this.readout.show(window, answer);
    if (this.curve) {
      this.curve.draw(answers, this.chosen, this.recording.end / this.settings.audio.rate, length);
      this.curve.describe(text);
    }
    this.attention.draw(shown, window === shown ? answer : undefined, this.read, length);
    this.progress(answers.at(-1) ?? []);
  }

  buttons() {
    if (!this.settings.audio) return;
    element("start").textContent = this.microphone ? "Stop the microphone" : "Start the microphone";
    element("start").classList.toggle("on", Boolean(this.microphone) && !this.isPaused);
    element("pause").textContent = this.isPaused ? "Continue" : "Pause";
    element("pause").disabled = !this.microphone;
    for (const id of ["clear", "save"]) element(id).disabled = !this.recording.end;
    element("player").hidden = !this.file;
  }
}

async function start() {
  element("outside").remove(); // which is for those whose browser runs no module
  const problem = missing();
  if (problem) return refuse(problem);
  try {
    const settings = await (await fetch("model.json")).json();
    const vocabulary = settings.text ? await (await fetch("vocabulary.txt")).text() : "";
    new Page(settings, vocabulary);
  } catch (error) {
    refuse(`The page's files cannot be read. ${error.message}. Export them again.`);
  }
}

start();
