// What the model attended to: a tint over the waveform of a window, and over its words.

import { color, prepare, timeAxis } from "./drawing.js";

const SIDE = 10;
const BELOW = 22; // for times
const SHORTEST = 2; // seconds that fill the width

export class Attention {
  /**
   * @param {object} places `canvas`, `words` and `hops`, elements of the page.
   * @param {object} settings What the export says of the model.
   * @param {function} onChange Is called when another hop is chosen.
   */
  constructor({ canvas, words, hops }, settings, onChange) {
    this.canvas = canvas;
    this.words = words;
    this.settings = settings;
    this.choice = hops;
    hops?.addEventListener("change", onChange);
  }

  /** Returns the weights over a modality's steps: those of the chosen hop, or the mean of all. */
  weights(answer, modality) {
    const chosen = this.choice?.querySelector("input:checked")?.value ?? "all";
    const hops = this.settings.hops
      .map((target, hop) => [target, hop])
      .filter(([target, hop]) => target === modality && (chosen === "all" || +chosen === hop));
    const all = hops.map(([, hop]) => answer.attention[hop]);
    if (!all.length) return [];
    return Array.from(all[0], (_, at) => all.reduce((sum, one) => sum + one[at], 0) / all.length);
  }

  /**
   * @param {object} window The window to show, if any, and its answer.
   * @param {object} read The words.
   * @param {number} length Seconds of sound that there will be; Infinity where nobody knows.
   */
  draw(window, answer, read, length) {
    const { audio } = this.settings;
    if (this.canvas) {
      this.span = Math.min(Math.max(length, SHORTEST) * audio.rate, audio.window);
      this.drawSound(window, answer);
    }
    if (this.words) this.showWords(answer, read);
  }

  drawSound(window, answer) {
    const { pen, width, height } = prepare(this.canvas);
    const { rate, stride, frame_step: step } = this.settings.audio;
    const seconds = this.span / rate;
    const bottom = height - BELOW;
    const x = (sample) => SIDE + (sample / rate / seconds) * (width - 2 * SIDE);
    const first = window ? window.start / rate : 0;
    timeAxis(pen, {
      first,
      last: first + seconds,
      left: SIDE,
      right: width - SIDE,
      baseline: bottom + 6,
    });
    if (window && answer) {
      const weights = this.weights(answer, "audio");
      const most = Math.max(...weights, 1e-9);
      pen.fillStyle = color("audio");
      weights.forEach((weight, at) => {
        const left = x((answer.start + at * stride) * step);
        const right = x((answer.start + (at + 1) * stride) * step);
        pen.globalAlpha = 0.75 * (weight / most);
        pen.fillRect(left, 4, right - left + 0.4, bottom - 8);
      });
      pen.globalAlpha = 1;
    }
    this.waveform(pen, window, width, bottom);
  }

  /** Draws the least and the greatest sample of every column of pixels. */
  waveform(pen, window, width, bottom) {
    const middle = bottom / 2;
    const columns = Math.floor(width - 2 * SIDE);
    const perColumn = this.span / columns;
    pen.strokeStyle = color("line");
    pen.beginPath();
    pen.moveTo(SIDE, middle);
    pen.lineTo(width - SIDE, middle);
    pen.stroke();
    if (!window) return;
    const loudest = window.samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0.05);
    pen.fillStyle = color("text");
    pen.globalAlpha = 0.75;
    for (let column = 0; (column + 1) * perColumn <= window.count; column++) {
      let [least, most] = [0, 0];
      for (let at = Math.floor(column * perColumn); at < (column + 1) * perColumn; at++) {
        least = Math.min(least, window.samples[at]);
        most = Math.max(most, window.samples[at]);
      }
      const scale = (middle - 8) / loudest;
      pen.fillRect(SIDE + column, middle - most * scale - 0.5, 1, (most - least) * scale + 1);
    }
  }

  /** Shows the words, each with its weight as a tint, and marks those that the model lacks. */
  showWords(answer, { words, known }) {
    const weights = answer ? this.weights(answer, "text") : [];
    const most = Math.max(...weights, 1e-9);
    const shown = words.map((word, at) => {
      const mark = document.createElement("span");
      mark.textContent = known[at] ? word : `${word}*`;
      mark.style.setProperty("--weight", (weights[at] ?? 0) / most);
      mark.title = known[at] ? "" : "The model does not know this word.";
      return mark;
    });
    this.words.replaceChildren(...shown);
  }
}
