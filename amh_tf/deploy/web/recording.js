// What has been heard: windows of sound as long as the model hears, and what it said of each.

const MOST_WINDOWS = 80; // of which older ones are forgotten: ten minutes of 7.5 s

/** One window. `answers` are in the order of `count`, the samples that each has heard. */
class Window {
  constructor(id, start, length) {
    this.id = id;
    this.start = start; // in samples, without pauses
    this.samples = new Float32Array(length);
    this.count = 0;
    this.answers = [];
  }

  get last() {
    return this.answers.at(-1);
  }
}

export class Recording {
  /** @param {number} length Samples of a window. */
  constructor(length) {
    this.length = length;
    this.clear();
  }

  clear() {
    this.windows = [];
    this.next = this.next ?? 0; // ids are never used twice: late answers find no window
    this.end = 0;
    this.isClosed = true;
  }

  /** Lets the next sound begin a window of its own. */
  close() {
    this.isClosed = true;
  }

  /** Opens a window, if only for words. */
  open() {
    if (!this.isClosed) return this.windows.at(-1);
    const window = new Window(this.next++, this.end, this.length);
    this.windows.push(window);
    if (this.windows.length > MOST_WINDOWS) this.windows.shift();
    this.isClosed = false;
    return window;
  }

  /** Adds sound. Returns its parts, as pairs of a window's id and samples. */
  add(samples) {
    const parts = [];
    while (samples.length) {
      const window = this.open();
      const part = samples.slice(0, this.length - window.count);
      window.samples.set(part, window.count);
      window.count += part.length;
      this.end += part.length;
      this.isClosed = window.count === this.length;
      parts.push([window.id, part]);
      samples = samples.subarray(part.length);
    }
    return parts;
  }

  /** Files an answer in its window. A second one after the same sound takes the first's place. */
  answer(answer) {
    const window = this.windows.find((window) => window.id === answer.window);
    if (!window) return;
    if (window.last?.count === answer.count) window.answers.pop();
    window.answers.push(answer);
  }

  /** Lists all answers as pairs of the window and the answer. */
  answers() {
    return this.windows.flatMap((window) => window.answers.map((answer) => [window, answer]));
  }

  /** Returns the sound of all windows, as a WAV file of 32-bit floats. */
  wav(rate) {
    const sound = this.windows.map((window) => window.samples.subarray(0, window.count));
    const bytes = sound.reduce((sum, part) => sum + part.byteLength, 0);
    const header = new DataView(new ArrayBuffer(44));
    const put = (at, text) => [...text].forEach((c, i) => header.setUint8(at + i, c.charCodeAt(0)));
    put(0, "RIFF");
    header.setUint32(4, 36 + bytes, true);
    put(8, "WAVEfmt ");
    header.setUint32(16, 16, true);
    header.setUint16(20, 3, true); // floats
    header.setUint16(22, 1, true);
    header.setUint32(24, rate, true);
    header.setUint32(28, 4 * rate, true);
    header.setUint16(32, 4, true);
    header.setUint16(34, 32, true);
    put(36, "data");
    header.setUint32(40, bytes, true);
    return new Blob([header, ...sound], { type: "audio/wav" });
  }
}
