// What is shown of one segment: probabilities, words, and what each hop attended to.

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawn(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function shares(data, segment) {
  const list = element("dl", { class: "shares" });
  const order = segment.shares.map((share, number) => [share, number]).sort((a, b) => b[0] - a[0]);
  for (const [share, number] of order) {
    const bar = element("span", {});
    bar.style.width = `${(100 * share).toFixed(1)}%`;
    const row = element("div", { class: `c${number}` },
      element("dt", {}, data.classes[number].name), element("dd", {}, bar),
      element("dd", {}, share.toFixed(2)));
    list.append(row);
  }
  return list;
}

// The weights of a hop over time, above the sound of the segment.
function strip(data, peaks, segment, hop, color) {
  const long = segment.to - segment.from, svg = drawn("svg", {
    viewBox: "0 0 300 34", preserveAspectRatio: "none", role: "img",
    "aria-label": `weights between ${hop.from.toFixed(1)} and ${hop.to.toFixed(1)} s` });
  const first = Math.round(segment.from * data.rate), last = Math.round(segment.to * data.rate);
  const loud = Array.from(peaks.subarray(first, last)), loudest = Math.max(1, ...loud);
  const step = 300 / Math.max(loud.length, 1);
  if (hop.modality === "audio") {
    const shape = loud.map((peak, at) => {
      const tall = Math.max(peak / loudest * 32, 1);
      return `M${(at * step).toFixed(1)} ${(17 - tall / 2).toFixed(1)}v${tall.toFixed(1)}`;
    });
    svg.append(drawn("path", {
      d: shape.join(""), stroke: css("--wave"), "stroke-width": Math.max(step * 0.9, 0.6) }));
  }
  const x = seconds => seconds / long * 300, weights = hop.weights;
  const wide = (hop.to - hop.from) / weights.length;
  if (hop.modality === "audio") {
    const points = weights.map((weight, at) =>
      `${x(hop.from + (at + 0.5) * wide).toFixed(1)} ${(33 - weight * 31).toFixed(1)}`);
    const [left, right] = [x(hop.from).toFixed(1), x(hop.to).toFixed(1)];
    svg.append(drawn("path", {
      d: `M${left} 34L${points.join("L")}L${right} 34Z`, fill: color, "fill-opacity": 0.25 }));
    svg.append(drawn("path", {
      d: `M${points.join("L")}`, fill: "none", stroke: color, "stroke-width": 1.5,
      "vector-effect": "non-scaling-stroke" }));
    return svg;
  }
  weights.forEach((weight, at) => {
    const left = x(hop.from + at * wide), right = Math.min(left + x(wide), 300);
    svg.append(drawn("rect", {
      x: left + 0.8, y: 33 - weight * 31, width: Math.max(right - left - 1.6, 0.8),
      height: Math.max(weight * 31, 0.7), fill: color, "fill-opacity": 0.35 + 0.6 * weight }));
  });
  return svg;
}

function chips(segment, hop, color) {
  const row = element("div", { class: "chips" });
  hop.weights.forEach((weight, at) => {
    // Of vectors an encoder may make more steps than there are words.
    const word = segment.words[at] || "·", mark = segment.unknown.includes(at) ? "*" : "";
    const chip = element("span", {}, word + mark);
    chip.title = `${(weight * hop.largest).toFixed(3)}`;
    chip.style.background = `color-mix(in srgb, ${color} ${Math.round(weight * 75)}%, transparent)`;
    row.append(chip);
  });
  return row;
}

const SHOWN = { audio: "sound", text: "words", video: "pictures" };

function hops(data, peaks, segment) {
  const box = element("div", { class: "hops" });
  segment.hops.forEach((hop, number) => {
    const color = css(hop.modality === "text" ? "--text-hop" : `--${hop.modality}`);
    const label = element("b", {}, `hop ${number + 1}`, element("small", {}, SHOWN[hop.modality]));
    let shown = element("span", { class: "soft" }, "nothing to attend to");
    if (hop.weights.length)
      shown = hop.modality === "text" ? chips(segment, hop, color)
        : strip(data, peaks, segment, hop, color);
    const row = element("div", { class: `hop of-${hop.modality}` }, label, shown);
    row.title = `largest weight ${hop.largest.toFixed(3)}, even ${hop.even.toFixed(3)}`;
    box.append(row);
  });
  return box;
}

// What the page stores of hops in few letters, as numbers up to 1.
function unpacked(stored) {
  const weights = Array.from(bytes(stored.w), value => value / 255);
  return { modality: stored.m, from: stored.f, to: stored.t, largest: stored.l, even: stored.e,
    weights };
}

function describe(data, peaks, segment, box) {
  segment.hops = segment.hops || segment.stored.map(unpacked);
  const shade = data.classes[segment.best], title = element("div", { class: "title" });
  const name = element("b", {}, shade ? element("i", {}) : "", shade ? shade.name : "no answer");
  if (shade) name.className = `c${segment.best}`;
  const span = `${clock(segment.from, 1)} – ${clock(segment.to, 1)}`;
  const who = data.speakers[segment.lane];
  title.append(name, element("span", { class: "soft" }, who ? `${who} · ${span}` : span));
  const content = [title];
  if (segment.text) content.push(element("p", { class: "quote" }, segment.text));
  if (segment.problem) content.push(element("p", { class: "soft" }, segment.problem));
  if (segment.shares) {
    const columns = element("div", { class: "columns" }, shares(data, segment));
    if (segment.hops.length) columns.append(hops(data, peaks, segment));
    content.push(columns);
  }
  box.replaceChildren(...content);
}
