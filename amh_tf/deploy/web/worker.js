// Listens, away from the page, which stays quick: takes sound and words, and posts answers.

import { Listener } from "./listener.js";
import { open } from "./model.js";

const base = new URL("./", import.meta.url);
const ready = start();

async function start() {
  const settings = await (await fetch(new URL("model.json", base))).json();
  const model = await open(base, settings);
  return new Listener(model, (answer) => postMessage({ kind: "answer", answer }));
}

function fail(error) {
  postMessage({ kind: "failed", message: String(error?.message ?? error) });
}

onmessage = async ({ data }) => {
  try {
    const listener = await ready;
    if (data.kind === "sound") await listener.hear(data.window, data.samples, data.isLive);
    if (data.kind === "words") await listener.read(data.window, data.ids);
    if (data.kind === "close") await listener.close();
    if (data.kind === "clear") listener.clear();
  } catch (error) {
    fail(error);
  }
};

ready.then(() => postMessage({ kind: "ready" }), fail);
