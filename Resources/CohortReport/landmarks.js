// The landmarks of all cases in one frame: the median shape, and one landmark in every case.
let chosen = 0;
let frameModel = 0;
let columns = { by: "outliers", down: true };

// Which two of x, y, z a view shows, and their signs: the patient's right is on the reader's left.
function viewsOf(model) {
  if (model.plane) return [{ title: "in the plane of the picture", axes: model.plane, ends: ["", ""] }];
  return [{ title: "from the front", axes: [[0, -1], [2, -1]], ends: ["right", "left"] }, { title: "from the left", axes: [[1, -1], [2, -1]], ends: ["front", "back"] }];
}
const flat = (point, [[across, sign], [down, turn]]) => [sign * point[across], turn * point[down]];

function showLandmarks() {
  const models = summary.models.map((model, at) => [String(at), model.key]).filter(([at]) => summary.models[at].landmarks.some((one) => one.found !== null));
  byId("frame-model-label").hidden = models.length < 2;
  if (byId("frame-model").options.length !== models.length) {
    fill(byId("frame-model"), models);
    frameModel = Number(models[0]?.[0] ?? 0);
    byId("frame-model").oninput = () => { frameModel = Number(byId("frame-model").value); choose(null); };
  }
  const model = summary.models[frameModel];
  // Without a common frame there is still what was found, and how surely.
  byId("frame").hidden = !model?.shape;
  byId("without-frame").hidden = Boolean(model?.shape);
  document.querySelector(".split").classList.toggle("alone", !model?.shape);
  byId("landmark-caption").hidden = !model?.shape;
  if (model?.shape) byId("shape").replaceChildren(...viewsOf(model).map((view) => shapeView(model, view)));
  if (model) landmarkTable(model);
}

function shapeView(model, view) {
  const places = model.shape.map((point) => (point ? flat(point, view.axes) : null));
  const inside = places.filter(Boolean);
  const [left, right] = [Math.min(...inside.map((p) => p[0])), Math.max(...inside.map((p) => p[0]))];
  const [top, bottom] = [Math.min(...inside.map((p) => p[1])), Math.max(...inside.map((p) => p[1]))];
  const size = Math.max(bottom - top, right - left, 1), edge = 0.08 * size;
  const most = Math.max(...model.landmarks.map((one) => one.outliers), 1);
  const picture = draw("svg", { viewBox: `${left - edge} ${top - edge} ${right - left + 2 * edge} ${bottom - top + 2 * edge}`, role: "img", "aria-label": `Median shape ${view.title}`, style: "max-height: 22rem" });
  for (const [one, other] of model.lines) {
    if (places[one] && places[other]) picture.append(draw("line", { x1: places[one][0], y1: places[one][1], x2: places[other][0], y2: places[other][1] }));
  }
  places.forEach((place, index) => {
    if (!place) return;
    const one = model.landmarks[index];
    const dot = draw("circle", { cx: place[0], cy: place[1], r: (0.009 + 0.011 * (one.outliers / most)) * size, class: index === chosen ? "chosen" : "" }, draw("title"));
    dot.firstChild.textContent = `${one.title}: ${plural(one.outliers, "outlier")}`;
    dot.addEventListener("click", () => choose(index));
    picture.append(dot);
  });
  return make("figure", { className: "view" }, make("figcaption", {}, make("span", { textContent: view.ends[0] }), make("span", { textContent: view.title }), make("span", { textContent: view.ends[1] })), picture);
}

const ALL_HEADS = [["title", "Landmark"], ["found", "Found"], ["confidence", "Median confidence"], ["spread", "Usual spread"], ["outliers", "Outliers"]];

// Spread and outliers are known only in a common frame.
const headsOf = (model) => (model.shape ? ALL_HEADS : ALL_HEADS.slice(0, 3));

function landmarkTable(model) {
  const body = byId("landmark-table");
  body.tHead.replaceChildren(make("tr", {}, ...headsOf(model).map(([name, title], at) => {
    const head = make("th", { scope: "col", className: at ? "number" : "" }, make("button", { type: "button", textContent: title + (columns.by === name ? (columns.down ? " ▾" : " ▴") : ""),
      onclick: () => { columns = { by: name, down: columns.by === name ? !columns.down : at > 0 }; landmarkTable(model); } }));
    head.setAttribute("aria-sort", columns.by === name ? (columns.down ? "descending" : "ascending") : "none");
    return head;
  })));
  const lines = model.landmarks.map((one, index) => ({ ...one, index }));
  const sign = columns.down ? -1 : 1;
  lines.sort((one, other) => (columns.by === "title" ? sign * one.title.localeCompare(other.title) : sign * ((one[columns.by] ?? -1) - (other[columns.by] ?? -1))) || one.index - other.index);
  body.tBodies[0].replaceChildren(...lines.map((one) => make("tr", { className: one.index === chosen ? "chosen" : "" },
    make("td", {}, model.shape ? make("button", { type: "button", className: "link", textContent: one.title, title: one.name, onclick: () => choose(one.index) }) : one.title),
    ...[percent(one.found), percent(one.confidence), one.spread === null ? "–" : `${number(one.spread)} mm`, one.outliers.toLocaleString("en")].slice(0, headsOf(model).length - 1).map((text) => make("td", { className: "number", textContent: text })))));
}

async function choose(index) {
  const model = summary.models[frameModel];
  chosen = index ?? 0;
  showLandmarks();
  byId("scatter").hidden = index === null;
  if (index === null) return;
  const one = model.landmarks[index];
  byId("scatter-title").textContent = one.title;
  let points;
  try {
    points = await loadPoints(frameModel, index);
  } catch (problem) { trouble(problem); return; }
  const cases = rows.filter((row) => row.model === model && row.statuses);
  const found = cases.map((row, at) => ({ row, point: points[at], isOutlier: row.outliers.some(([which]) => which === index) })).filter(({ point }) => point);
  const outliers = found.filter(({ isOutlier }) => isOutlier).sort((one, other) => other.point.distance - one.point.distance);
  byId("scatter-text").textContent = `Each point is this landmark in one of ${plural(found.length, "case")}, in mm from where it usually is. ${outliers.length ? "Outliers are ringed, the farthest are named, and what lies beyond the picture is at its edge." : "No case is an outlier here."}`;
  byId("scatter-views").replaceChildren(...viewsOf(model).map((view) => scatterView(model, view, index, found, outliers)));
  byId("scatter").scrollIntoView({ block: "nearest" });
  byId("scatter-outliers").replaceChildren(...(outliers.length ? [
    make("h3", { textContent: plural(outliers.length, "outlier") }),
    make("div", { className: "link-list" }, ...outliers.slice(0, 60).map(({ row, point }) => make("button", { type: "button", textContent: `${row.id} (${point.distance.toFixed(1)})`, onclick: () => openCase(row) })),
      make("button", { type: "button", textContent: "Show their pictures", onclick: () => ask({ ...DEFAULTS, tab: "results", outlier: one.name, model: summary.models.length > 1 ? model.key : "" }) }))] : []));
}

function scatterView(model, view, index, found, outliers) {
  const side = 440, ratio = Math.max(1, Math.min(2, window.devicePixelRatio || 1));
  const middle = flat(model.shape[index], view.axes);
  const places = found.map(({ row, point, isOutlier }) => { const [x, y] = flat([point.x, point.y, point.z], view.axes); return { x: x - middle[0], y: y - middle[1], row, isOutlier }; });
  const far = places.map((one) => Math.max(Math.abs(one.x), Math.abs(one.y))).sort((a, b) => a - b);
  // One case that lies a metre off must not shrink all others to a dot: it is drawn at the edge.
  const reach = Math.max(Math.min(far[far.length - 1] ?? 1, 8 * (far[Math.floor(0.75 * far.length)] ?? 1)), 1e-3) * 1.08;
  const canvas = make("canvas", { width: side * ratio, height: side * ratio });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${model.landmarks[index].title} in ${plural(found.length, "case")}, ${view.title}; ${plural(outliers.length, "outlier")}`);
  const paint = canvas.getContext("2d"), style = getComputedStyle(document.body), colour = (name) => style.getPropertyValue(name).trim();
  const at = (value) => (Math.min(Math.max(value / reach, -0.97), 0.97) * 0.5 + 0.5) * side;
  paint.scale(ratio, ratio);
  paint.strokeStyle = colour("--line");
  paint.fillStyle = colour("--soft");
  paint.font = "10px system-ui, sans-serif";
  const step = nice(reach / 3);
  for (let value = -Math.floor((0.95 * reach) / step) * step; value <= 0.95 * reach; value += step) {
    for (const line of [[at(value), 0, at(value), side], [0, at(value), side, at(value)]]) { paint.beginPath(); paint.moveTo(line[0], line[1]); paint.lineTo(line[2], line[3]); paint.stroke(); }
    paint.fillText(`${number(Math.abs(value) < step / 2 ? 0 : Math.abs(value)).replace(".0", "")}`, at(value) + 3, side - 4);
  }
  paint.fillStyle = colour("--accent");
  paint.globalAlpha = Math.max(0.08, Math.min(0.7, 60 / Math.sqrt(places.length + 1) / 8));
  for (const one of places) if (!one.isOutlier) { paint.beginPath(); paint.arc(at(one.x), at(one.y), 2.2, 0, 7); paint.fill(); }
  paint.globalAlpha = 1;
  paint.strokeStyle = paint.fillStyle = colour("--warn");
  paint.lineWidth = 1.6;
  const named = new Set(outliers.slice(0, 6).map(({ row }) => row));
  const taken = [];
  for (const one of places.filter(({ isOutlier }) => isOutlier)) {
    paint.beginPath(); paint.arc(at(one.x), at(one.y), 4, 0, 7); paint.stroke();
    if (!named.has(one.row)) continue;
    const wide = paint.measureText(one.row.id).width, x = at(one.x) + 7 + wide > side ? at(one.x) - 7 - wide : at(one.x) + 7;
    let y = at(one.y) + 3;
    const step = one.y > 0 ? -11 : 11;
    while (taken.some((other) => Math.abs(other.y - y) < 11 && x < other.x + other.wide && other.x < x + wide)) y += step;
    taken.push({ x, y, wide });
    paint.fillText(one.row.id, x, y);
  }
  canvas.style.cursor = "pointer";
  canvas.title = "Click a point to open its case";
  canvas.onclick = (event) => {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * side, y = ((event.clientY - box.top) / box.height) * side;
    let best = null;
    for (const one of places) { const off = Math.hypot(at(one.x) - x, at(one.y) - y); if (off < (best?.off ?? 9)) best = { off, row: one.row }; }
    if (best) openCase(best.row);
  };
  return make("figure", { className: "view" }, make("figcaption", {}, make("span", { textContent: view.ends[0] }), make("span", { textContent: `${view.title}, mm` }), make("span", { textContent: view.ends[1] })), canvas);
}
