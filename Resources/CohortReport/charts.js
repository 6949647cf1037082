// Histograms of everything that is a number, and how often each warning was given.
const BARS = 30;
const LEAST_VALUES = 20;
let known = null;

function distributions() {
  if (known) return known;
  const isNumber = (value) => value !== null && value !== undefined;
  const done = (values) => (row) => (row.state === "done" ? values(row).filter(isNumber) : []);
  known = [
    { name: "score", title: "Landmarks that may be wrong, per case", unit: "", values: done((row) => [row.score]) },
    { name: "lowest", title: "Lowest confidence of a case", unit: "%", values: done((row) => [row.lowest]), span: [0, 100] },
    { name: "confidence", title: "Confidence of every landmark that was found", unit: "%", values: done((row) => present(row).map((index) => row.confidences[index])), span: [0, 100] },
    { name: "seconds", title: "Time per case", unit: "s", values: done((row) => [row.seconds]) },
  ];
  for (const model of summary.models) {
    model.measurements.forEach((one, index) => known.push({ name: `${model.key}/${one.name}`, unit: one.unit, range: one.range,
      title: summary.models.length > 1 ? `${one.title} (${model.key})` : one.title,
      values: done((row) => (row.model === model ? [row.measured[index]] : [])) }));
  }
  return known;
}

// All values of all cases, sorted into bars once: a filter then only counts. The bars hold nearly all values;
// what lies beyond is counted in the first and the last one.
function grid(one) {
  if (one.grid !== undefined) return one.grid;
  const numbers = [], places = [];
  for (const row of rows) for (const value of one.values(row)) { numbers.push(value); places.push(row.index); }
  if (!numbers.length) return (one.grid = null);
  const values = new Float64Array(numbers), owners = new Int32Array(places), sorted = values.slice().sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  let [low, high] = one.span ?? [at(0.002), at(0.998)];
  if (high <= low) [low, high] = [low - 0.5, high + 0.5];
  const step = nice((high - low) / BARS);
  low = Math.floor(low / step + 1e-9) * step;
  const bars = Math.max(1, Math.ceil((high - low) / step - 1e-9));
  const bar = new Uint8Array(values.length), all = new Array(bars).fill(0);
  for (let n = 0; n < values.length; n++) {
    bar[n] = Math.min(bars - 1, Math.max(0, Math.floor((values[n] - low) / step + 1e-9)));
    all[bar[n]]++;
  }
  return (one.grid = { low, step, bars, all, bar, values, owners, sorted });
}

// How many values of the kept cases are in each bar, and their median.
function among(held, isKept) {
  const some = new Array(held.bars).fill(0), values = new Float64Array(held.values.length);
  let count = 0;
  for (let n = 0; n < held.owners.length; n++) {
    if (!isKept[held.owners[n]]) continue;
    some[held.bar[n]]++;
    values[count++] = held.values[n];
  }
  const sorted = count === held.sorted.length ? held.sorted : values.subarray(0, count).sort();
  return { some, count, median: count ? sorted[count >> 1] : null };
}

function nice(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= step * 0.999);
}

// Of few values a histogram tells nothing: each is a point on a line, and the range that is usual lies behind.
function strip(one, isKept) {
  const points = rows.filter((row) => isKept[row.index]).flatMap((row) => one.values(row).map((value) => ({ row, value })));
  const values = points.map(({ value }) => value), width = 300, edge = 8;
  const ends = [...values, ...(one.range ?? []), ...(one.span ?? [])];
  let [low, high] = [Math.min(...ends), Math.max(...ends)];
  if (!(high > low)) [low, high] = [low - 0.5, high + 0.5];
  const at = (value) => edge + ((value - low) / (high - low)) * (width - 2 * edge);
  const picture = draw("svg", { viewBox: `0 0 ${width} 44`, role: "group", "aria-label": `Each case: ${one.title}` });
  if (one.range) picture.append(draw("rect", { class: "usual", x: at(one.range[0]), y: 2, width: at(one.range[1]) - at(one.range[0]), height: 24 }));
  picture.append(draw("line", { class: "axis", x1: edge, y1: 26, x2: width - edge, y2: 26 }));
  for (const { row, value } of points) {
    const dot = draw("circle", { class: "dot", cx: at(value), cy: 14, r: 5, tabindex: 0, role: "button", "aria-label": `${row.id}: ${withUnit(value, one.unit)}` }, draw("title"));
    dot.firstChild.textContent = `${row.id}: ${withUnit(value, one.unit)}`;
    dot.addEventListener("click", () => openCase(row));
    dot.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); openCase(row); } });
    picture.append(dot);
  }
  for (const [x, anchor, value] of [[0, "start", low], [width, "end", high]]) {
    const text = draw("text", { x, y: 40, "text-anchor": anchor });
    text.textContent = withUnit(value, one.unit);
    picture.append(text);
  }
  const usual = one.range ? `; green: usual, ${one.range[0]} to ${withUnit(one.range[1], one.unit)}` : "";
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const note = !values.length ? "none among these cases" : sorted.length === 1 ? `${withUnit(sorted[0], one.unit)}${usual}` : `${withUnit(sorted[0], one.unit)} to ${withUnit(sorted[sorted.length - 1], one.unit)}, in ${plural(values.length, "case")}${usual}`;
  return make("figure", { className: "chart", dataset: { name: one.name } }, make("h3", { textContent: one.title }), picture, make("p", { className: "soft", textContent: note }));
}

function histogram(one, isKept) {
  const held = grid(one);
  if (!held) return null;
  if (held.values.length < LEAST_VALUES) return strip(one, isKept);
  const { all } = held, { some, count: many, median } = among(held, isKept);
  const width = 300, height = 110, most = Math.max(...all, 1), wide = width / held.bars;
  const tall = (count) => (count ? Math.max(1.5, (count / most) * height) : 0);
  const picture = draw("svg", { viewBox: `0 -4 ${width} ${height + 24}`, role: "group", "aria-label": `Histogram: ${one.title}` });
  if (one.range) {
    const from = Math.max(0, ((one.range[0] - held.low) / held.step) * wide), to = Math.min(width, ((one.range[1] - held.low) / held.step) * wide);
    if (to > from) picture.append(draw("rect", { class: "usual", x: from, y: -4, width: to - from, height: height + 4 }));
  }
  all.forEach((count, bar) => {
    const from = bar === 0 ? Math.min(held.low, held.sorted[0]) : held.low + bar * held.step;
    const to = bar === held.bars - 1 ? Math.max(held.low + held.bars * held.step, held.sorted[held.sorted.length - 1] + 1e-6) : held.low + (bar + 1) * held.step;
    picture.append(draw("rect", { class: "all", x: bar * wide, y: height - tall(count), width: wide * 0.92, height: tall(count) }),
      draw("rect", { class: "kept", x: bar * wide, y: height - tall(some[bar]), width: wide * 0.92, height: tall(some[bar]) }));
    if (!count) return;
    const text = `${number(from)} to ${withUnit(to, one.unit)}: ${some[bar].toLocaleString("en")} of ${count.toLocaleString("en")}`;
    const hit = draw("rect", { class: "hit", x: bar * wide, y: -4, width: wide, height: height + 4, tabindex: 0, role: "button", "aria-label": text }, draw("title"));
    hit.firstChild.textContent = text;
    const keep = () => ask({ range: `${one.name}:${from}:${to}`, page: "1" });
    hit.addEventListener("click", keep);
    hit.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); keep(); } });
    picture.append(hit);
  });
  const label = (x, anchor, value) => { const text = draw("text", { x, y: height + 14, "text-anchor": anchor }); text.textContent = withUnit(value, one.unit); return text; };
  picture.append(label(0, "start", held.low), label(width / 2, "middle", held.low + (held.bars * held.step) / 2), label(width, "end", held.low + held.bars * held.step));
  const note = many ? `median ${withUnit(median, one.unit)} of ${many.toLocaleString("en")}${one.range ? `; green: usual, ${one.range[0]} to ${one.range[1]}` : ""}` : "none among these cases";
  return make("figure", { className: "chart", dataset: { name: one.name } }, make("h3", { textContent: one.title }), picture, make("p", { className: "soft", textContent: note }));
}

function warningChart(kept) {
  const many = new Map(), all = new Map();
  for (const row of rows) for (const kind of row.kinds) all.set(kind, (all.get(kind) ?? 0) + 1);
  for (const row of kept) for (const kind of row.kinds) many.set(kind, (many.get(kind) ?? 0) + 1);
  const most = Math.max(...all.values(), 1);
  const lines = [...all].sort((one, other) => other[1] - one[1]).map(([kind, count]) => {
    const button = make("button", { type: "button", onclick: () => ask({ warning: String(kind), page: "1" }) }, make("span", { textContent: summary.warnings[kind] }),
      make("b", { textContent: `${(many.get(kind) ?? 0).toLocaleString("en")} of ${count.toLocaleString("en")}` }));
    button.style.setProperty("--share", `${(100 * (many.get(kind) ?? 0)) / most}%`);
    return make("li", {}, button);
  });
  return make("figure", { className: "chart tall" }, make("h3", { textContent: "Warnings" }),
    lines.length ? make("ul", { className: "rows" }, ...lines) : make("p", { className: "soft", textContent: "No case has a warning." }));
}

function showDistributions(kept) {
  const areBars = distributions().some((one) => (grid(one)?.values.length ?? 0) >= LEAST_VALUES && one.name === "score");
  byId("bars-text").hidden = !areBars;
  byId("points-text").hidden = areBars;
  const isKept = new Uint8Array(rows.length);
  for (const row of kept) isKept[row.index] = 1;
  byId("charts").replaceChildren(...[warningChart(kept), ...distributions().map((one) => histogram(one, isKept))].filter(Boolean));
}

function showFailures() {
  const groups = new Map();
  for (const row of rows) {
    if (row.state === "done" || row.state === "not started") continue;
    const reason = row.reason.split(row.id).join("…").replace(/\d+(\.\d+)?/g, "…") || "no reason was given";
    const group = groups.get(`${row.state}/${reason}`) ?? { reason, state: row.state, cases: [] };
    group.cases.push(row);
    groups.set(`${row.state}/${reason}`, group);
  }
  byId("no-failures").hidden = groups.size > 0;
  byId("failure-table").hidden = groups.size === 0;
  byId("failure-table").tBodies[0].replaceChildren(...[...groups.values()].sort((one, other) => other.cases.length - one.cases.length).map((group) =>
    make("tr", {}, make("td", { textContent: group.cases.length === 1 ? group.cases[0].reason : group.reason }), make("td", { textContent: group.state }),
      make("td", { className: "number", textContent: group.cases.length.toLocaleString("en") }),
      make("td", {}, ...group.cases.slice(0, 3).flatMap((row) => [make("button", { type: "button", className: "link", textContent: row.id, onclick: () => openCase(row) }), ", "]),
        make("button", { type: "button", className: "link", textContent: group.cases.length > 3 ? "all of them" : "as a list",
          onclick: () => ask({ ...DEFAULTS, tab: "results", state: group.state, search: longest(group.reason) }) })))));
}

// Words that all reasons of a group share, for the search.
function longest(reason) {
  return reason.split("…").map((part) => part.trim()).sort((one, other) => other.length - one.length)[0].split(/\s+/).slice(0, 6).join(" ");
}
