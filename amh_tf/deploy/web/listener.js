// Decides when the model is asked: every half second of sound, at a window's end, for new words.

const STEP = 8000; // samples between two answers
const MOST_BEHIND = 4; // steps that the answers to live sound may be late before some are left out

export class Listener {
  /**
   * @param {object} model As `model.js` opens it.
   * @param {function} report Is given every answer.
   */
  constructor(model, report) {
    this.model = model;
    this.report = report;
    this.clear();
  }

  clear() {
    this.windows = []; // those with answers due, and the newest
    this.ids = new Int32Array(0);
    this.spent = 0; // milliseconds of processing,
    this.heard = 0; // and the samples that they were for
  }

  /** Returns the window of an id, which may be new. */
  window(id) {
    let window = this.windows.at(-1);
    if (window?.id !== id) {
      if (window) window.isClosed = true;
      const { audio } = this.model.settings;
      window = {
        id,
        samples: new Float32Array(audio?.window ?? 0),
        count: 0,
        answered: 0,
        isClosed: false,
        isAsked: false,
        frames: this.model.frames(),
      };
      this.windows.push(window);
    }
    return window;
  }

  /** Takes sound of a window. Answers to live sound may be left out where the processor is slow. */
  hear(id, samples, isLive) {
    const window = this.window(id);
    window.samples.set(samples, window.count);
    window.count += samples.length;
    window.isLive = isLive;
    window.isClosed ||= window.count === window.samples.length;
    return this.answer();
  }

  /** Takes the ids of the words of a window, and of those to come. */
  read(id, ids) {
    this.ids = ids;
    this.window(id).isAsked = true;
    return this.answer();
  }

  /** Ends the newest window. */
  close() {
    const window = this.windows.at(-1);
    if (window) window.isClosed = true;
    return this.answer();
  }

  /** Answers what is due, one after the other, while more may come in. */
  async answer() {
    if (this.isAnswering) return;
    this.isAnswering = true;
    try {
      for (let due = this.due(); due; due = this.due()) await this.ask(...due);
    } finally {
      this.isAnswering = false;
    }
  }

  /** Returns the window to answer next and how many of its samples, or null. */
  due() {
    while (this.windows.length) {
      const window = this.windows[0];
      const { answered, count } = window;
      const steps = Math.floor((count - answered) / STEP);
      if (steps > 0) {
        const next = Math.floor(answered / STEP) + 1;
        const isLate = window.isLive && steps > MOST_BEHIND;
        return [window, isLate ? Math.floor(count / STEP) * STEP : next * STEP];
      }
      if (window.isClosed && count > answered) return [window, count];
      if (window.isAsked) return [window, window.isClosed ? count : answered];
      if (this.windows.length === 1) return null;
      this.windows.shift();
    }
    return null;
  }

  async ask(window, count) {
    const started = performance.now();
    const { ids } = this;
    window.isAsked = false;
    this.heard += count - window.answered;
    window.answered = count;
    if (window.frames) await window.frames.extend(window.samples.subarray(0, count));
    const answer = await this.model.answer(window, ids);
    this.spent += performance.now() - started;
    const seconds = this.heard / this.model.settings.audio?.rate;
    const share = seconds ? this.spent / 1000 / seconds : 0;
    if (answer && this.windows.includes(window)) {
      this.report({ ...answer, window: window.id, count, words: ids.length, share });
    }
  }
}
