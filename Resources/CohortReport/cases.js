// The grid of cases, a page at a time, and one case at full size.
const BADGES = { failed: "bad", "set aside": "bad", "not started": "" };
// So few cases are shown large, with their pictures and not thumbnails.
const FEW = 6;
let shown = [];
let current = -1;

function showCases(kept) {
  const size = Number(asked.size);
  const pages = Math.max(1, Math.ceil(kept.length / size));
  const page = Math.min(Math.max(1, Math.round(Number(asked.page)) || 1), pages);
  shown = kept;
  byId("paging").hidden = rows.length < 2;
  document.querySelector(".pages").hidden = rows.length <= 24;
  byId("size-label").hidden = rows.length <= 24;
  byId("grid").className = `grid ${kept.length === 1 ? "one" : kept.length <= FEW ? "few" : ""}`;
  byId("grid").replaceChildren(...kept.slice((page - 1) * size, page * size).map(tile));
  byId("nothing").hidden = kept.length > 0;
  byId("pages").textContent = pages.toLocaleString("en");
  Object.assign(byId("page"), { value: page, max: pages });
  byId("first").disabled = byId("previous").disabled = page === 1;
  byId("next").disabled = byId("last").disabled = page === pages;
  for (const [name, target] of [["first", 1], ["previous", page - 1], ["next", page + 1], ["last", pages]]) {
    byId(name).onclick = () => { ask({ page: String(target) }); byId("results").scrollIntoView(); };
  }
}

function tile(row) {
  const open = make("button", { type: "button", className: "open", title: `Open ${row.id}`, onclick: () => openCase(row) });
  const picture = shown.length <= FEW ? row.picture || row.thumbnail : row.thumbnail;
  if (picture) {
    open.append(make("img", { loading: "lazy", decoding: "async", src: url(picture), width: 320, height: 320, alt: `${row.id} with its landmarks` }));
  } else {
    open.classList.add("none");
    open.classList.toggle("waiting", row.state === "not started" || row.state === "done");
    open.textContent = row.reason || (row.state === "done" ? "no picture" : row.state);
  }
  return make("article", { className: "tile", dataset: { case: row.id } }, open,
    make("div", { className: "text" }, make("h3", { textContent: row.id }),
      row.state === "done" && make("div", { className: "score", textContent: scoreText(row) }),
      make("div", { className: "line" }, ...badges(row))));
}

function scoreText(row) {
  const many = row.model.landmarks.length;
  if (absent(row).length === many) return "No landmark of the model in this scan";
  return `${row.score.toFixed(1)} of ${many} landmarks may be wrong`;
}

function badges(row) {
  const badge = (text, kind = "", title = "") => make("span", { className: `badge ${kind}`, textContent: text, title });
  const found = [];
  if (row.state !== "done") found.push(badge(row.state, BADGES[row.state]));
  if (summary.models.length > 1 && row.model) found.push(badge(row.model.key));
  if (row.reviewed > 0) found.push(badge(row.reviewed === row.model.landmarks.length ? "reviewed" : `${row.reviewed} reviewed`, "good"));
  if (row.lowest !== null) found.push(badge(`lowest ${row.lowest} %`, row.lowest < 30 ? "warn" : ""));
  if (row.kinds.size) found.push(badge(plural(row.warnings.length, "warning"), "warn", row.warnings.map(([, text]) => text).join("\n")));
  for (const [index, distance] of row.outliers.slice(0, 2)) found.push(badge(`outlier: ${row.model.landmarks[index].title}`, "warn", `robust distance ${distance}`));
  if (row.outliers.length > 2) found.push(badge(`${row.outliers.length - 2} more outliers`, "warn"));
  const gone = row.model ? absent(row) : [];
  if (gone.length && gone.length < row.model.landmarks.length) found.push(badge(`${gone.length} absent`, "", gone.map((index) => row.model.landmarks[index].title).join(", ")));
  return found;
}

const url = (path) => path.split("/").map(encodeURIComponent).join("/");

function openCase(row) {
  current = shown.indexOf(row);
  byId("case-title").textContent = row.id;
  byId("case-previous").disabled = current <= 0;
  byId("case-next").disabled = current < 0 || current >= shown.length - 1;
  byId("case-previous").onclick = () => current > 0 && openCase(shown[current - 1]);
  byId("case-next").onclick = () => current < shown.length - 1 && openCase(shown[current + 1]);
  const picture = row.picture || row.thumbnail;
  byId("case-body").replaceChildren(
    make("div", {}, picture ? make("a", { href: url(picture), target: "_blank", title: "The picture alone" }, make("img", { src: url(picture), alt: `${row.id} with its landmarks` }))
      : make("p", { className: "soft", textContent: "There is no picture of this case." }), ...ways(row)),
    make("div", {}, ...facts(row)));
  if (!byId("case").open) byId("case").showModal();
  byId("case").scrollTop = 0;
}

function facts(row) {
  const found = [make("p", {}, make("span", { className: "line" }, ...badges(row)))];
  if (row.reason) found.push(make("p", { className: "bad", textContent: row.reason }));
  if (row.state === "done") found.push(make("p", { textContent: `${scoreText(row)}. ${row.model.key}${row.seconds === null ? "" : `, ${number(row.seconds)} s`}.` }));
  if (row.warnings.length) found.push(make("ul", {}, ...row.warnings.map(([, text]) => make("li", { className: "warn", textContent: text }))));
  if (!row.model || !row.statuses) return found;
  const outliers = new Map(row.outliers);
  const lines = row.model.landmarks.map((one, index) => ({ ...one, confidence: row.confidences[index], status: STATUS[row.statuses[index]], distance: outliers.get(index) }));
  // What the model calls absent comes last: its confidence is the chance that it is there after all.
  const there = new Set(present(row));
  lines.forEach((one, index) => { one.there = there.has(index); });
  lines.sort((one, other) => other.there - one.there || (one.confidence ?? -1) - (other.confidence ?? -1));
  const anyOutlier = outliers.size > 0;
  found.push(table(["Landmark", "Status", "Confidence", ...(anyOutlier ? ["Outlier"] : [])], lines.map((one) => ({ outside: one.distance !== undefined,
    cells: [one.title, one.status, one.there ? percent(one.confidence) : "–", ...(anyOutlier ? [one.distance === undefined ? "" : `distance ${one.distance}`] : [])] })), [2]));
  const measured = row.model.measurements.map((one, index) => ({ ...one, value: row.measured[index] })).filter((one) => one.value !== null && one.value !== undefined);
  if (measured.length) found.push(make("h2", { textContent: "Measurements" }), table(["Measurement", "Value", "Usual"], measured.map((one) => ({
    outside: one.range && (one.value < one.range[0] || one.value > one.range[1]),
    cells: [one.title, withUnit(one.value, one.unit), one.range ? `${one.range[0]} to ${one.range[1]}` : ""] })), [1, 2]));
  return found;
}

function table(heads, lines, right) {
  return make("div", { className: "wide" }, make("table", {},
    make("thead", {}, make("tr", {}, ...heads.map((text, at) => make("th", { scope: "col", textContent: text, className: right.includes(at) ? "number" : "" })))),
    make("tbody", {}, ...lines.map((line) => make("tr", { className: line.outside ? "outside" : "" },
      ...line.cells.map((text, at) => make("td", { textContent: text, className: right.includes(at) ? "number" : "" })))))));
}

// Where the page lies tells where the cohort lies: nothing of this computer is written into the report.
function folderHere() {
  if (location.protocol !== "file:") return "COHORT";
  const path = decodeURIComponent(location.pathname.replace(/\/[^/]*$/, ""));
  return /^\/[A-Za-z]:/.test(path) ? path.slice(1) : path || "/";
}

function ways(row) {
  const found = [];
  if (row.files().length) {
    found.push(make("h2", { textContent: "Files" }), make("div", { className: "link-list" }, ...row.files().map((path) =>
      make("a", { href: url(path), target: "_blank", textContent: path.startsWith("reviews/") ? `review: ${path.split("/").pop()}` : path.split("/").pop() }))));
  }
  const python = (text) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const shell = (text) => `"${text.replace(/(["\\$`])/g, "\\$1")}"`;
  const call = `slicer.modules.LandmarkDetectionInstance.openCohort(${python(folderHere())}, ${python(row.id)})`;
  found.push(make("h2", { textContent: "Open for review" }),
    make("p", { className: "soft", textContent: "Start Slicer with this case (in a terminal):" }), command(`Slicer --python-code ${shell(call)}`),
    make("p", { className: "soft", textContent: "Or in Slicer: Landmark Detection, section Batch, open this folder:" }), command(folderHere()));
  return found;
}

function command(text) {
  const code = make("code", { textContent: text });
  const button = make("button", { type: "button", className: "copy", textContent: "Copy" });
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  return make("div", { className: "command" }, code, button);
}
