"use strict";
// What is drawn of the whole recording: an overview, and the lanes of what is in view.

const AXIS = 20, WAVE = 38, NAME = 20, BAND = 28, WORDS = 20, GAP = 12;
const OVERVIEW = 46, PIXELS = 8;

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
}

function clock(seconds, decimals = 0) {
  const whole = Math.floor(seconds + 1e-6), hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60, rest = seconds - Math.floor(whole / 60) * 60;
  const shown = rest.toFixed(decimals).padStart(decimals ? 3 + decimals : 2, "0");
  return (hours ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes) + ":" + shown;
}

// Steps of the axis that people count in, in seconds.
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

// Makes a canvas as large as it is shown; returns what draws on it, and its width.
function pen(canvas, height, width = canvas.clientWidth || 300) {
  const scale = Math.max(window.devicePixelRatio || 1, 1);
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  context.textBaseline = "middle";
  return [context, width];
}

function shortened(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (context.measureText(text.slice(0, middle) + "…").width <= room) low = middle;
    else high = middle - 1;
  }
  return low > 1 ? text.slice(0, low) + "…" : "";
}

class Chart {
  // data: what the page holds; view: {from, to} in seconds.
  constructor(data, view) {
    this.data = data;
    this.view = view;
    this.peaks = bytes(data.peaks);
    const many = data.speakers.length;
    this.curves = many > 4 ? 36 : many > 2 ? 54 : 76;
    this.words = data.said ? WORDS : 0;
    this.lane = NAME + BAND + this.words + 4 + this.curves + GAP;
    this.canvas = document.getElementById("canvas");
    this.marks = document.getElementById("marks");
    this.overview = document.getElementById("overview");
    this.whole = document.createElement("canvas");
    this.chosen = -1;
    this.time = -1;
  }

  get width() { return this.canvas.clientWidth || 300; }
  get height() { return this.top(this.data.speakers.length) - GAP + 2; }
  x(seconds) {
    return (seconds - this.view.from) / (this.view.to - this.view.from) * this.width;
  }
  seconds(x) { return this.view.from + x / this.width * (this.view.to - this.view.from); }
  top(lane) { return AXIS + WAVE + GAP + lane * this.lane; }

  // The segment under a place of the lanes, or -1.
  at(x, y) {
    const lane = Math.floor((y - AXIS - WAVE - GAP) / this.lane), time = this.seconds(x);
    const near = 4 / this.width * (this.view.to - this.view.from);
    let found = -1;
    this.data.segments.forEach((segment, place) => {
      if (segment.lane === lane && segment.from - near <= time && time <= segment.to + near)
        if (found < 0 || segment.from <= time) found = place;
    });
    return found;
  }

  // All of it: after a change of the view, the window or the colours.
  draw() {
    this.colors = {};
    for (const name of ["text", "soft", "grid", "line", "wave", "page", "link"])
      this.colors[name] = css(`--${name}`);
    const { segments, speakers } = this.data;
    const [context, width] = pen(this.canvas, this.height);
    this.axis(context, width);
    this.wave(context, width, AXIS, WAVE, this.view);
    const shown = segments.filter(
      segment => segment.to >= this.view.from && segment.from <= this.view.to);
    speakers.forEach((name, lane) => this.grid(context, width, lane, name));
    if (shown.length * 3 > width) speakers.forEach((_, lane) => this.means(context, shown, lane));
    else for (const segment of shown) this.curve(context, segment);
    for (const segment of shown) this.band(context, segment);
    this.drawWhole();
    this.mark();
  }

  axis(context, width) {
    const span = this.view.to - this.view.from, most = width / 74;
    const step = STEPS.find(step => span / step <= most) || 14400;
    context.fillStyle = this.colors.soft;
    context.strokeStyle = this.colors.grid;
    context.lineWidth = 1;
    for (let time = Math.ceil(this.view.from / step) * step; time <= this.view.to; time += step) {
      const x = Math.round(this.x(time)) + 0.5;
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, this.height);
      context.stroke();
      if (x < width - 30) context.fillText(clock(time, step < 1 ? 1 : 0), x + 4, 9);
    }
  }

  wave(context, width, top, height, view) {
    context.fillStyle = this.colors.wave;
    const rate = this.data.rate, perPixel = (view.to - view.from) / width * rate;
    for (let x = 0; x < width; x++) {
      const first = Math.floor(view.from * rate + x * perPixel);
      const last = Math.max(Math.floor(view.from * rate + (x + 1) * perPixel), first + 1);
      let peak = 0;
      for (let at = first; at < last && at < this.peaks.length; at++)
        if (this.peaks[at] > peak) peak = this.peaks[at];
      const tall = Math.max(peak / 255 * height, 1);
      if (first < this.peaks.length) context.fillRect(x, top + (height - tall) / 2, 1, tall);
    }
  }

  grid(context, width, lane, name) {
    const top = this.top(lane), base = top + this.lane - GAP;
    context.strokeStyle = this.colors.grid;
    context.lineWidth = 1;
    for (const share of [0, 0.5, 1]) {
      const y = Math.round(base - share * this.curves) + 0.5;
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(width, y);
      context.stroke();
    }
    const plain = context.font;
    context.font = `600 ${plain}`;
    context.fillStyle = this.colors.text;
    context.fillText(shortened(context, name || "speech", width - 8), 2, top + NAME / 2);
    context.font = plain;
  }

  // A line for each class: level within a segment, and to the next of the speaker.
  curve(context, segment) {
    if (!segment.shares) return;
    const base = this.top(segment.lane) + this.lane - GAP;
    const left = this.x(segment.from), right = Math.max(this.x(segment.to), left + 1);
    const next = this.data.segments[segment.next];
    segment.shares.forEach((share, number) => {
      const y = base - share * this.curves;
      context.strokeStyle = this.data.classes[number].color;
      context.lineWidth = number === segment.best ? 3 : 1.75;
      context.beginPath();
      context.moveTo(left, y);
      context.lineTo(right, y);
      context.stroke();
      if (!next || !next.shares) return;
      context.globalAlpha = 0.4;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(right, y);
      context.lineTo(this.x(next.from), base - next.shares[number] * this.curves);
      context.stroke();
      context.globalAlpha = 1;
    });
  }

  // Where segments are narrower than can be drawn: the means of some pixels.
  means(context, shown, lane) {
    const base = this.top(lane) + this.lane - GAP, bins = new Map();
    for (const segment of shown) {
      if (segment.lane !== lane || !segment.shares) continue;
      const bin = Math.floor(this.x(segment.from) / PIXELS);
      if (!bins.has(bin)) bins.set(bin, []);
      bins.get(bin).push(segment.shares);
    }
    this.data.classes.forEach(({ color }, number) => {
      context.strokeStyle = color;
      context.lineWidth = 1.5;
      context.beginPath();
      for (const [bin, all] of bins) {
        const mean = all.reduce((sum, shares) => sum + shares[number], 0) / all.length;
        context.lineTo((bin + 0.5) * PIXELS, base - mean * this.curves);
      }
      context.stroke();
    });
  }

  // Where the band of a segment is drawn: left, top and width.
  place(segment) {
    const left = this.x(segment.from);
    return [left, this.top(segment.lane) + NAME, Math.max(this.x(segment.to) - left, 1.5)];
  }

  band(context, segment) {
    const [left, top, wide] = this.place(segment), shade = this.data.classes[segment.best];
    context.fillStyle = shade ? shade.color : this.colors.line;
    context.beginPath();
    context.roundRect(left, top, wide, BAND, Math.min(4, wide / 3));
    context.fill();
    const seen = Math.max(left, 0), room = Math.min(left + wide, this.width) - seen - 8;
    if (room < 14) return;
    context.fillStyle = shade ? shade.ink : this.colors.soft;
    const label = shade ? shade.name : "no answer";
    context.fillText(shortened(context, label, room), seen + 5, top + BAND / 2 + 1);
    context.fillStyle = this.colors.text;
    if (segment.text)
      context.fillText(shortened(context, segment.text, room + 6), seen + 1, top + BAND + 11);
  }

  // The recording as a whole.
  drawWhole() {
    const { seconds, segments, speakers, classes } = this.data, tall = 20 / speakers.length;
    const [context, width] = pen(this.whole, OVERVIEW, this.width);
    this.wave(context, width, 0, 22, { from: 0, to: seconds });
    for (const segment of segments) {
      const shade = classes[segment.best], left = segment.from / seconds * width;
      context.fillStyle = shade ? shade.color : this.colors.line;
      const wide = Math.max((segment.to - segment.from) / seconds * width, 0.75);
      context.fillRect(left, 25 + segment.lane * tall, wide, Math.max(tall - 1, 1));
    }
  }

  // What changes all the time: the chosen segment, the time that is played, the frame of the view.
  mark() {
    const [context] = pen(this.marks, this.height), [above, width] = pen(this.overview, OVERVIEW);
    context.strokeStyle = context.fillStyle = above.fillStyle = this.colors.text;
    const segment = this.data.segments[this.chosen];
    if (segment) {
      const [left, top, wide] = this.place(segment);
      context.lineWidth = 2.5;
      context.beginPath();
      context.roundRect(left, top, wide, BAND, Math.min(4, wide / 3));
      context.stroke();
    }
    if (this.time >= 0) context.fillRect(this.x(this.time), 0, 1.5, this.height);
    above.drawImage(this.whole, 0, 0, width, OVERVIEW);
    const { seconds } = this.data, left = this.view.from / seconds * width;
    const right = this.view.to / seconds * width;
    above.fillStyle = this.colors.page;
    above.globalAlpha = 0.65;
    above.fillRect(0, 0, left, OVERVIEW);
    above.fillRect(right, 0, width - right, OVERVIEW);
    above.globalAlpha = 1;
    above.strokeStyle = this.colors.link;
    above.lineWidth = 2;
    above.strokeRect(left + 1, 1, Math.max(right - left - 2, 2), OVERVIEW - 2);
    above.fillStyle = this.colors.text;
    if (this.time >= 0) above.fillRect(this.time / seconds * width, 0, 1.5, OVERVIEW);
  }
}
