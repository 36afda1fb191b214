// The probability of every class over time. Arrow keys and the pointer move through it.

import { classColor, clock, color, prepare, timeAxis } from "./drawing.js";

const LEFT = 34;
const RIGHT = 10;
const TOP = 10;
const BAND = 12; // height of the line of windows
const BELOW = 22; // for times
const SHORTEST = 4; // seconds that fill the width

export class Curve {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {object} settings `classes`, `rate`.
   * @param {function} onChoose Is given the answer's place among all, or null for the newest.
   */
  constructor(canvas, settings, onChoose) {
    this.canvas = canvas;
    this.settings = settings;
    this.onChoose = onChoose;
    this.answers = [];
    this.chosen = null;
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("pointerdown", (event) => this.point(event));
    canvas.addEventListener("pointerleave", ({ pointerType }) => {
      if (pointerType === "mouse") this.choose(null); // a finger has left, too, when it taps
    });
    canvas.addEventListener("keydown", (event) => this.press(event));
  }

  seconds([window, answer]) {
    return (window.start + answer.count) / this.settings.rate;
  }

  press(event) {
    const newest = this.answers.length - 1;
    const at = this.chosen ?? newest;
    const places = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      PageUp: at - 10,
      PageDown: at + 10,
      Home: 0,
      End: newest,
    };
    if (!(event.key in places) && event.key !== "Escape") return;
    event.preventDefault();
    const place = Math.min(Math.max(places[event.key], 0), newest);
    this.choose(event.key === "Escape" || place >= newest ? null : place);
  }

  /** Notes the place at once: the next key may come before the next picture. */
  choose(place) {
    this.chosen = place;
    this.onChoose(place);
  }

  point(event) {
    if (!this.answers.length) return;
    const time = this.first + ((event.offsetX - LEFT) / this.breadth) * (this.last - this.first);
    const apart = (answer) => Math.abs(this.seconds(answer) - time);
    let nearest = 0;
    this.answers.forEach((answer, place) => {
      if (apart(answer) <= apart(this.answers[nearest])) nearest = place;
    });
    this.choose(nearest === this.answers.length - 1 ? null : nearest);
  }

  /**
   * @param {Array} answers Pairs of a window and its answer.
   * @param {number|null} chosen Place of the one that is looked at; null for the newest.
   * @param {number} end Seconds that were heard.
   * @param {number} length Seconds that there will be; Infinity where nobody knows.
   */
  draw(answers, chosen, end, length) {
    this.answers = answers;
    this.chosen = chosen;
    const { pen, width, height } = prepare(this.canvas);
    this.breadth = width - LEFT - RIGHT;
    this.bottom = height - BELOW - BAND - 6;
    this.follow(end, Math.min(Math.max(length, SHORTEST), width < 500 ? 15 : 30));
    this.x = (time) => LEFT + ((time - this.first) / (this.last - this.first)) * this.breadth;
    this.y = (share) => this.bottom - share * (this.bottom - TOP);
    this.grid(pen);
    timeAxis(pen, {
      first: this.first,
      last: this.last,
      left: LEFT,
      right: LEFT + this.breadth,
      baseline: height - BELOW + 6,
    });
    pen.save();
    pen.beginPath();
    pen.rect(LEFT - 4, 0, this.breadth + 8, height - BELOW);
    pen.clip();
    this.windows(pen);
    this.curves(pen);
    this.cursor(pen);
    pen.restore();
  }

  /** Shows the newest seconds, or those around what is looked at. */
  follow(end, span) {
    const looked = this.chosen === null ? end : this.seconds(this.answers[this.chosen]);
    const kept = this.last - this.first === span && looked >= this.first && looked <= this.last;
    if (this.chosen === null || !kept) this.last = Math.max(looked, span);
    this.first = this.last - span;
  }

  grid(pen) {
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.lineWidth = 1;
    for (const share of [0, 0.5, 1]) {
      pen.strokeStyle = color("line");
      pen.beginPath();
      pen.moveTo(LEFT, Math.round(this.y(share)) + 0.5);
      pen.lineTo(LEFT + this.breadth, Math.round(this.y(share)) + 0.5);
      pen.stroke();
      pen.fillStyle = color("soft");
      pen.fillText(share === 0.5 ? ".5" : share, LEFT - 8, this.y(share));
    }
  }

  /** Draws each window as a bar in the colour of its strongest class. */
  windows(pen) {
    const spans = new Map();
    for (const pair of this.answers) spans.set(pair[0], pair);
    for (const [window, answer] of spans.values()) {
      const [left, right] = [window.start, window.start + answer.count].map((sample) =>
        this.x(sample / this.settings.rate),
      );
      pen.fillStyle = classColor(strongest(answer.probabilities));
      pen.globalAlpha = 0.85;
      pen.beginPath();
      pen.roundRect(left + 1, this.bottom + 8, Math.max(right - left - 2, 1), BAND, 3);
      pen.fill();
      pen.globalAlpha = 1;
    }
  }

  /** Draws every class; what was strong in sight is drawn last, and stronger. */
  curves(pen) {
    const seen = this.answers.filter(
      (pair) => this.seconds(pair) >= this.first - 1 && this.seconds(pair) <= this.last + 1,
    );
    const peak = this.settings.classes.map((_, number) =>
      Math.max(0, ...seen.map(([, answer]) => answer.probabilities[number])),
    );
    const order = [...peak.keys()].sort((a, b) => peak[a] - peak[b]);
    order.forEach((number, rank) => {
      const isStrong = rank >= order.length - 3;
      pen.strokeStyle = classColor(number);
      pen.lineWidth = isStrong ? 2.5 : 1.25;
      pen.globalAlpha = isStrong ? 1 : 0.55;
      pen.lineJoin = "round";
      pen.beginPath();
      let before = null;
      for (const pair of seen) {
        const place = [this.x(this.seconds(pair)), this.y(pair[1].probabilities[number])];
        pair[0] === before ? pen.lineTo(...place) : pen.moveTo(...place);
        if (pair[0] !== before) pen.lineTo(place[0] + 0.01, place[1]); // a point by itself
        before = pair[0];
      }
      pen.lineCap = "round";
      pen.stroke();
    });
    pen.globalAlpha = 1;
  }

  cursor(pen) {
    if (this.chosen === null) return;
    const pair = this.answers[this.chosen];
    const x = Math.round(this.x(this.seconds(pair))) + 0.5;
    pen.strokeStyle = color("text");
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x, TOP - 4);
    pen.lineTo(x, this.bottom + 8 + BAND);
    pen.stroke();
    pair[1].probabilities.forEach((share, number) => {
      pen.fillStyle = classColor(number);
      pen.beginPath();
      pen.arc(x, this.y(share), 3, 0, 7);
      pen.fill();
    });
  }

  /** Says it to those who do not see it. */
  describe(text) {
    const newest = Math.max(this.answers.length - 1, 0);
    const pair = this.answers[this.chosen ?? newest];
    this.canvas.setAttribute("aria-valuemax", newest);
    this.canvas.setAttribute("aria-valuenow", this.chosen ?? newest);
    const time = pair ? `${clock(this.seconds(pair))}: ` : "";
    this.canvas.setAttribute("aria-valuetext", time + text);
  }
}

/** Returns the number of the most probable class. */
export function strongest(probabilities) {
  return probabilities.indexOf(Math.max(...probabilities));
}
