// What the pictures of the page share: sharp canvases, the colours of the style sheet, times.

/** Returns a colour of the style sheet, as it is in light or in dark. */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const classColor = (number) => color(`class-${number}`);

/** Fits a canvas to its place and the screen's pixels, and empties it. */
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = globalThis.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.font = "12px system-ui, sans-serif";
  return { pen, width, height };
}

/** Writes seconds as "1:05". */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Draws times below a picture, at whole seconds that are far enough apart to be read. */
export function timeAxis(pen, { first, last, left, right, baseline }) {
  const perSecond = (right - left) / (last - first);
  const step = [1, 2, 5, 10, 15, 30, 60].find((seconds) => seconds * perSecond > 56) ?? 120;
  pen.fillStyle = color("soft");
  pen.textAlign = "center";
  pen.textBaseline = "top";
  for (let at = Math.ceil(first / step) * step; at <= last; at += step) {
    const x = left + (at - first) * perSecond;
    const half = pen.measureText(clock(at)).width / 2;
    pen.fillText(clock(at), Math.min(Math.max(x, left + half), right - half), baseline);
  }
}
