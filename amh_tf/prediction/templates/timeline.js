// What the page does: a segment is chosen, shown and played by mouse, touch or keyboard.

(function start() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const media = document.getElementById("media"), lanes = document.getElementById("lanes");
  const detail = document.getElementById("detail"), list = document.getElementById("segments");
  const view = { from: 0, to: Math.min(data.seconds, Math.max(20, lanes.clientWidth / 16)) };
  const chart = new Chart(data, view), { segments } = data;
  let chosen = 0, until = null, held = null;

  function show(place) {
    if (place === chart.chosen) return;
    chart.chosen = place;
    describe(data, chart.peaks, segments[place], detail);
    if (chart.colors) chart.mark();
  }

  function look(from, to) {
    const span = Math.min(Math.max(to - from, 1), data.seconds);
    view.from = Math.min(Math.max(from, 0), data.seconds - span);
    view.to = view.from + span;
    chart.draw();
  }

  // Zooms around the chosen segment, or what is in the middle.
  function zoom(factor) {
    const span = (view.to - view.from) * factor, segment = segments[chosen];
    const middle = (segment.from + segment.to) / 2;
    const inView = middle > view.from && middle < view.to;
    const anchor = inView ? middle : (view.from + view.to) / 2;
    const share = (anchor - view.from) / (view.to - view.from);
    look(anchor - share * span, anchor - share * span + span);
  }

  function intoView(segment) {
    const span = view.to - view.from;
    if (segment.from < view.from || segment.to > view.to) {
      const room = Math.max((span - (segment.to - segment.from)) / 2, 0);
      look(segment.from - room, segment.from - room + span);
    }
  }

  function choose(place, scrolls = true) {
    list.children[chosen].classList.remove("chosen");
    chosen = place;
    show(place);
    const row = list.children[place];
    row.classList.add("chosen");
    if (scrolls) list.scrollTop = row.offsetTop - list.offsetTop - list.clientHeight / 3;
    intoView(segments[place]);
  }

  function play(place) {
    choose(place);
    history.replaceState(null, "", `#${place + 1}`);
    if (!media) return;
    media.currentTime = segments[place].from;
    until = segments[place].to;
    media.play().catch(() => {});
  }

  function follow() {
    if (until !== null && media.currentTime >= until) {
      media.pause();
      until = null;
    }
    chart.time = media.currentTime;
    if (!media.paused && (chart.time < view.from || chart.time > view.to))
      look(chart.time, chart.time + view.to - view.from);
    chart.mark();
    if (!media.paused) requestAnimationFrame(follow);
  }

  function neighbour(step) {
    const lane = segments[chosen].lane;
    let place = chosen + step;
    while (segments[place] && segments[place].lane !== lane) place += step;
    return segments[place] ? place : chosen;
  }

  // The segment of another speaker that is nearest in time.
  function across(step) {
    const lane = segments[chosen].lane + step, time = segments[chosen].from;
    let best = chosen, distance = Infinity;
    segments.forEach((segment, place) => {
      if (segment.lane === lane && Math.abs(segment.from - time) < distance) {
        best = place;
        distance = Math.abs(segment.from - time);
      }
    });
    return best;
  }

  const keys = {
    ArrowLeft: () => choose(neighbour(-1)),
    ArrowRight: () => choose(neighbour(1)),
    ArrowUp: () => choose(across(-1)),
    ArrowDown: () => choose(across(1)),
    Home: () => choose(0),
    End: () => choose(segments.length - 1),
    Enter: () => play(chosen),
    " ": () => media && (media.paused ? media.play() : media.pause()),
    "+": () => zoom(0.6),
    "=": () => zoom(0.6),
    "-": () => zoom(1 / 0.6),
    "0": () => look(0, data.seconds),
  };

  function place(event) {
    const box = chart.canvas.getBoundingClientRect();
    return chart.at(event.clientX - box.left, event.clientY - box.top);
  }

  lanes.addEventListener("keydown", event => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  lanes.addEventListener("mousemove", event => {
    const under = place(event);
    show(under < 0 ? chosen : under);
  });
  lanes.addEventListener("mouseleave", () => show(chosen));
  lanes.addEventListener("click", event => {
    if (held && held.moved) return;  // it was the end of a drag
    const under = place(event);
    if (under >= 0) play(under);
    else if (media) {
      until = null;
      media.currentTime = chart.seconds(event.offsetX);
    }
  });
  // Dragging moves what is shown, with a finger too.
  lanes.addEventListener("pointerdown", event => {
    held = { x: event.clientX, from: view.from, moved: false };
  });
  lanes.addEventListener("pointermove", event => {
    if (!held || !event.buttons) return;
    const moved = event.clientX - held.x, span = view.to - view.from;
    held.moved = held.moved || Math.abs(moved) > 6;
    const from = held.from - moved / chart.width * span;
    if (held.moved) look(from, from + span);
  });
  lanes.addEventListener("wheel", event => {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (event.ctrlKey) {
      event.preventDefault();
      zoom(Math.exp(event.deltaY / 300));
    } else if (sideways) {
      event.preventDefault();
      const moved = sideways / chart.width * (view.to - view.from);
      look(view.from + moved, view.to + moved);
    }
  }, { passive: false });

  function drag(event) {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = chart.overview.getBoundingClientRect(), half = (view.to - view.from) / 2;
    const middle = (event.clientX - box.left) / box.width * data.seconds;
    look(middle - half, middle + half);
  }
  chart.overview.addEventListener("pointerdown", drag);
  chart.overview.addEventListener("pointermove", drag);
  list.addEventListener("click", event => {
    const row = event.target.closest("li");
    if (row) play(Array.prototype.indexOf.call(list.children, row));
  });
  document.getElementById("closer").addEventListener("click", () => zoom(0.6));
  document.getElementById("wider").addEventListener("click", () => zoom(1 / 0.6));
  document.getElementById("all").addEventListener("click", () => look(0, data.seconds));
  window.addEventListener("resize", () => chart.draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.draw());
  if (media) {
    for (const event of ["play", "seeked", "pause"]) media.addEventListener(event, follow);
    media.addEventListener("error", () => {
      document.getElementById("unplayable").hidden = false;
    });
  }

  const linked = Number(location.hash.slice(1)) - 1;
  chart.draw();
  choose(segments[linked] ? linked : 0, Boolean(segments[linked]));
  if (media && segments[linked]) media.currentTime = segments[linked].from + 0.01;
})();
