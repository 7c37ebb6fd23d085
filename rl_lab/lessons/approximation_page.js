"use strict";
// Curves are drawn at data.x; the function or the points are known at data.at, where they are data.y.
// A network is {activation, w, b, v, c}: unit i adds v[i] * activation(w[i] * x + b[i]), and c is the constant.
const data = JSON.parse(document.getElementById("data").textContent);
const SHOWN = 4, HUES = ["--green", "--purple", "--rose", "--teal"], MOST_LINES = 120, LEFT = 46, RIGHT = 8;
const ACTIVATIONS = {
  identity: z => z, relu: z => Math.max(z, 0), tanh: Math.tanh, sigmoid: z => 1 / (1 + Math.exp(-z)), step: z => +(z > 0),
};
const KINDS = [["w", "weight"], ["b", "bias"], ["v", "output weight"]];
const calm = location.hash === "#test" || matchMedia("(prefers-reduced-motion: reduce)").matches;
const byId = id => document.getElementById(id);
const state = { kind: "trained", place: data.widths.indexOf(data.hidden), changed: false, first: 0, chosen: -1, moving: 0 };

// ---- the network -----------------------------------------------------------------------------------------------

function copied(network) {
  return { ...network, w: [...network.w], b: [...network.b], v: [...network.v] };
}

function partOf(network, unit, xs) {
  const bend = ACTIVATIONS[network.activation], { w, b, v } = network;
  return Float64Array.from(xs, x => v[unit] * bend(w[unit] * x + b[unit]));
}

function summed(parts, constant, length) {
  const total = new Float64Array(length).fill(constant);
  for (const part of parts) for (let i = 0; i < length; i++) total[i] += part[i];
  return total;
}

function outputs(network, xs) {
  return summed(network.w.map((_, unit) => partOf(network, unit, xs)), network.c, xs.length);
}

function load(kind, place) {
  cancelAnimationFrame(state.moving);
  const width = data.widths[place];
  state.network = copied(data.networks[kind][width]);
  const { w, v } = state.network;
  Object.assign(state, { kind, place, changed: false, chosen: -1 });
  state.parts = w.map((_, unit) => partOf(state.network, unit, data.x));
  const size = state.parts.map(part => Math.max(...part) - Math.min(...part));
  state.order = w.map((_, unit) => unit);
  if (kind === "trained") state.order.sort((one, other) => size[other] - size[one] || one - other);
  state.first = kind === "towers" ? Math.min(Math.floor(v.length / 8) * 2, Math.max(0, Math.floor((v.length - SHOWN) / 2) * 2)) : 0;
  const reach = values => 1.5 * Math.max(1e-3, ...values.map(Math.abs));
  state.reach = { w: reach(w), b: reach(state.network.b), v: reach(v), c: 1.5 * Math.max(1e-3, Math.abs(state.network.c), reach(data.y) / 1.5) };
  makeCards();
}

// ---- drawing ---------------------------------------------------------------------------------------------------

const rounded = value => (value === 0 ? "0" : Math.abs(value) >= 1e4 || Math.abs(value) < 1e-3 ? value.toExponential(1)
  : String(+value.toPrecision(3))).replace(/^-/, "−");

function range(arrays, least) {
  let low = Infinity, high = -Infinity;
  for (const array of arrays) for (const value of array) { if (value < low) low = value; if (value > high) high = value; }
  const room = Math.max(0.06 * (high - low), least);
  return [low - room, high + room];
}

function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find(factor => factor * power >= rough) || 10);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(+(k * step).toPrecision(12));
  return found;
}

function frame(id, height, [low, high], labelled) {
  const svg = byId(id), width = svg.clientWidth || 700, bottom = labelled ? 20 : 4;
  const [from, to] = [data.x[0], data.x[data.x.length - 1]];
  const across = x => LEFT + (x - from) / (to - from) * (width - LEFT - RIGHT);
  const up = y => 6 + (high - y) / (high - low) * (height - 6 - bottom);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.style.height = `${height}px`;
  let marks = "";
  for (const y of ticks(low, high, height > 150 ? 5 : 3)) {
    marks += `<line class="${y === 0 ? "zero" : "grid"}" x1="${LEFT}" x2="${width - RIGHT}" y1="${up(y)}" y2="${up(y)}"/>`;
    marks += `<text x="${LEFT - 7}" y="${up(y) + 4}" text-anchor="end">${rounded(y)}</text>`;
  }
  if (labelled) for (const x of ticks(from, to, width > 500 ? 8 : 5))
    marks += `<text x="${across(x)}" y="${height - 4}" text-anchor="middle">${rounded(x)}</text>`;
  const place = (x, y) => `${across(x).toFixed(1)} ${up(Math.max(2 * low - high, Math.min(2 * high - low, y))).toFixed(1)}`;
  const line = values => Array.from(values, (y, i) => `${i ? "L" : "M"}${place(data.x[i], y)}`).join("");
  const stems = values => Array.from(values, (y, i) => `M${place(data.at[i], 0)}L${place(data.at[i], y)}`).join("");
  return { svg, marks, across, up, line, stems };
}

function tall(share, least, most) { // so that the curves and the sliders fit one screen
  return Math.round(Math.max(least, Math.min(most, share * innerHeight)));
}

function shown() {
  return state.order.slice(state.first, state.first + SHOWN);
}

function draw() {
  const fit = summed(state.parts, state.network.c, data.x.length);
  const known = data.points ? outputs(state.network, data.at) : fit;
  const missed = known.map((value, i) => value - data.y[i]), size = missed.map(Math.abs);
  const largest = size.reduce((a, b) => Math.max(a, b)), mean = size.reduce((a, b) => a + b) / size.length;
  byId("largest").textContent = rounded(largest);
  byId("mean").textContent = rounded(mean);
  const [low, high] = range([data.y], 0.05), room = (high - low) / 2;
  const upper = frame("curve", tall(0.245, 150, 320), range([data.y, fit.map(y => Math.max(low - room, Math.min(high + room, y)))], 0.05), false);
  const truth = data.points
    ? data.at.map((x, i) => `<circle cx="${upper.across(x)}" cy="${upper.up(data.y[i])}" r="4"/>`).join("")
    : `<path class="truth" d="${upper.line(data.y)}"/>`;
  upper.svg.innerHTML = `${upper.marks}${truth}<path class="fit" d="${upper.line(fit)}"/>`;
  const middle = frame("missed", tall(0.075, 54, 92), range([missed, [0]], 1e-12), false);
  middle.svg.innerHTML = `${middle.marks}<path class="missed" d="${data.points ? middle.stems(missed) : middle.line(missed)}"/>`;
  drawParts();
}

function drawParts() {
  const coloured = shown(), lines = state.order.filter(unit => !coloured.includes(unit)).slice(0, MOST_LINES);
  const lower = frame("parts", tall(0.165, 110, 230), range([...lines, ...coloured].map(unit => state.parts[unit]), 1e-6), true);
  const hue = unit => HUES[coloured.indexOf(unit)];
  state.parts_frame = lower;
  lower.svg.innerHTML = lower.marks + lines.map(unit => `<path class="part" d="${lower.line(state.parts[unit])}"/>`).join("") +
    coloured.map(unit => `<path class="part shown${unit === state.chosen ? " chosen" : ""}" style="stroke:var(${hue(unit)})" d="${lower.line(state.parts[unit])}"/>`).join("");
  const drawn = lines.length + coloured.length;
  byId("drawn").textContent = drawn < state.parts.length ? `the ${drawn} largest of ${state.parts.length}; those below in colour` : "those below in colour";
}

// ---- controls --------------------------------------------------------------------------------------------------

function makeCards() {
  const focused = [...document.querySelectorAll("#units input")].indexOf(document.activeElement);
  byId("units").innerHTML = shown().map((unit, at) => `<div class="box unit" data-unit="${unit}" style="--hue:var(${HUES[at]})">
    <h2>Unit ${unit + 1}</h2>${KINDS.map(([key, name]) => `<label class="field">${name} <b></b>
    <input type="range" step="any" data-key="${key}" min="${-state.reach[key]}" max="${state.reach[key]}" value="${state.network[key][unit]}"></label>`).join("")}</div>`).join("");
  label();
  draw();
  if (focused >= 0) document.querySelectorAll("#units input")[focused]?.focus(); // who uses keys stays where they were
}

function label() {
  const units = data.widths[state.place], trained = state.kind === "trained";
  byId("width").max = data.widths.length - 1;
  byId("width").value = state.place;
  byId("width").setAttribute("aria-valuetext", `${units} units`);
  byId("count").textContent = units;
  byId("constant").min = -state.reach.c;
  byId("constant").max = state.reach.c;
  byId("constant").value = state.network.c;
  byId("constant-value").textContent = rounded(state.network.c);
  byId("restore").setAttribute("aria-pressed", trained && !state.changed);
  byId("build").setAttribute("aria-pressed", !trained && !state.changed);
  const what = trained ? `${units} ${data.activation} unit${units > 1 ? "s" : ""}, trained on this computer before the page was written.`
    : `${Math.floor(units / 2)} towers of two steep sigmoids: a step up, a step down. Nothing was learnt.`;
  byId("story").textContent = what + (state.changed ? " You have changed it since." : "");
  const last = Math.min(state.first + SHOWN, units);
  byId("which").textContent = `${state.first + 1}–${last} of ${units}, ${trained ? "the largest first" : "from left to right"}`;
  byId("before").disabled = state.first === 0;
  byId("after").disabled = last === units;
  for (const input of document.querySelectorAll("#units input")) {
    const value = state.network[input.dataset.key][+input.closest(".unit").dataset.unit];
    input.previousElementSibling.textContent = rounded(value);
    input.setAttribute("aria-valuetext", rounded(value));
  }
}

function turn(by) {
  const next = Math.max(0, state.first + by);
  if (next !== state.first && next < state.order.length) { state.first = next; state.chosen = -1; makeCards(); }
}

function build() { // towers rise one after another, unless the reader prefers calm
  load("towers", state.place);
  if (calm) return;
  const goal = copied(state.network), pairs = Math.max(1, goal.v.length / 2), begin = performance.now();
  const step = now => {
    const done = (now - begin) / 900;
    goal.v.forEach((value, unit) => {
      state.network.v[unit] = value * Math.max(0, Math.min(1, done * 4 - 3 * Math.floor(unit / 2) / pairs));
      state.parts[unit] = partOf(state.network, unit, data.x);
    });
    draw();
    if (done < 1) state.moving = requestAnimationFrame(step);
  };
  state.moving = requestAnimationFrame(step);
}

byId("restore").onclick = () => load("trained", state.place);
byId("build").onclick = build;
byId("before").onclick = () => turn(-SHOWN);
byId("after").onclick = () => turn(SHOWN);
byId("width").oninput = event => load(state.kind, +event.target.value);
byId("constant").oninput = event => { state.network.c = +event.target.value; state.changed = true; label(); draw(); };
byId("units").oninput = event => {
  const unit = +event.target.closest(".unit").dataset.unit;
  cancelAnimationFrame(state.moving);
  state.network[event.target.dataset.key][unit] = +event.target.value;
  state.parts[unit] = partOf(state.network, unit, data.x);
  Object.assign(state, { changed: true, chosen: unit });
  label();
  draw();
};
byId("units").addEventListener("focusin", event => { state.chosen = +event.target.closest(".unit").dataset.unit; drawParts(); });
byId("parts").onclick = event => { // the line that passes closest by
  const box = byId("parts").getBoundingClientRect(), { across, up } = state.parts_frame;
  const far = unit => Math.min(...data.x.map((x, i) => Math.hypot(across(x) - event.clientX + box.left, up(state.parts[unit][i]) - event.clientY + box.top)));
  const distances = state.order.map(far), at = distances.indexOf(Math.min(...distances));
  state.first = Math.floor(at / SHOWN) * SHOWN;
  state.chosen = state.order[at];
  makeCards();
};
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const does = { r: () => load("trained", state.place), t: build, "[": () => turn(-SHOWN), "]": () => turn(SHOWN) }[event.key.toLowerCase()];
  if (does) { event.preventDefault(); does(); }
});
addEventListener("resize", draw);
load("trained", state.place);

// ---- what the tests read: the page is used as a reader would, and says what it computes --------------------------

if (location.hash === "#test") {
  const set = (input, value) => { input.value = value; input.dispatchEvent(new Event("input", { bubbles: true })); };
  const press = key => document.dispatchEvent(new KeyboardEvent("keydown", { key }));
  const says = () => ({ units: state.network.w.length, network: copied(state.network), outputs: [...summed(state.parts, state.network.c, data.x.length)],
    again: [...outputs(state.network, data.x)], largest: byId("largest").textContent, mean: byId("mean").textContent,
    story: byId("story").textContent, cards: [...document.querySelectorAll(".unit h2")].map(heading => heading.textContent) });
  const report = { x: data.x, trained: says() };
  set(byId("width"), 0);
  report.fewest = says();
  set(byId("width"), data.widths.indexOf(data.hidden));
  for (const input of [...document.querySelectorAll(".unit input")].slice(0, 3)) set(input, +input.max / 3);
  set(byId("constant"), +byId("constant").max / 2);
  report.moved = says();
  byId("build").click();
  report.towers = says();
  byId("restore").click();
  report.restored = says();
  press("t");
  press("]");
  report.keys = says();
  for (let i = 0; i < 9; i++) press("[");
  report.back = says();
  press("r");
  const told = document.createElement("pre");
  told.id = "test";
  told.hidden = true;
  told.textContent = JSON.stringify(report);
  document.body.append(told);
}
