// What is asked for; kept in the address, so that a view can be bookmarked.
const DEFAULTS = { tab: "results", search: "", state: "", model: "", warning: "", absent: "", outlier: "", reviewed: "",
  below: "100", order: "worst", size: "48", page: "1", range: "" };
const asked = { ...DEFAULTS };

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of Object.keys(DEFAULTS)) asked[name] = given.get(name) ?? DEFAULTS[name];
}

function writeAddress() {
  const given = new URLSearchParams(Object.entries(asked).filter(([name, value]) => value !== DEFAULTS[name]));
  history.replaceState(null, "", `#${given}`);
}

// A range is "what:low:high" of one of the histograms.
function rangeFilter() {
  if (!asked.range) return null;
  const parts = asked.range.split(":");
  const high = Number(parts.pop()), low = Number(parts.pop()), name = parts.join(":");
  const found = distributions().find((one) => one.name === name);
  return found && { ...found, low, high };
}

function matching() {
  const search = asked.search.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const below = Number(asked.below), range = rangeFilter();
  const named = (row, list, wanted) => list.some((index) => row.model.landmarks[index].name === wanted);
  return rows.filter((row) =>
    (!asked.state || row.state === asked.state)
    && (!asked.model || row.model?.key === asked.model)
    && (!asked.warning || (asked.warning === "any" ? row.kinds.size > 0 : asked.warning === "none" ? row.kinds.size === 0 && row.state === "done" : row.kinds.has(Number(asked.warning))))
    && (!asked.absent || (row.model && (asked.absent === "any" ? absent(row).length > 0 : named(row, absent(row), asked.absent))))
    && (!asked.outlier || (row.model && (asked.outlier === "any" ? row.outliers.length > 0 : named(row, row.outliers.map(([index]) => index), asked.outlier))))
    && (!asked.reviewed || (row.state === "done" && (row.reviewed > 0) === (asked.reviewed === "yes")))
    && (below >= 100 || (row.lowest !== null && row.lowest < below))
    && (!range || range.values(row).some((value) => value >= range.low && value < range.high))
    && search.every((word) => row.words.includes(word)));
}

function absent(row) {
  if (row.absent) return row.absent;
  row.absent = [];
  for (let index = 0; index < row.statuses.length; index++) if ("aM".includes(row.statuses[index])) row.absent.push(index);
  return row.absent;
}

function present(row) {
  const gone = new Set(absent(row));
  return [...row.statuses].map((_, index) => index).filter((index) => !gone.has(index));
}

// What has no result comes last: there is nothing to look at, and the part Failures lists it with its reasons.
const ORDERS = {
  worst: (one, other) => rank(other) - rank(one) || one.index - other.index,
  best: (one, other) => (other.state === "done") - (one.state === "done") || rank(one) - rank(other) || one.index - other.index,
  confidence: (one, other) => (one.lowest ?? 101) - (other.lowest ?? 101) || one.index - other.index,
  outliers: (one, other) => other.outliers.length - one.outliers.length || rank(other) - rank(one),
  name: (one, other) => one.id.localeCompare(other.id, "en", { numeric: true }) || one.index - other.index,
};
const rank = (row) => (row.state === "done" ? row.score : row.state === "not started" ? -2 : -1);

function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => make("option", { value, textContent: text })));
}

function prepareFilters() {
  const counts = new Map();
  const count = (name, key) => counts.set(`${name}/${key}`, (counts.get(`${name}/${key}`) ?? 0) + 1);
  for (const row of rows) {
    count("state", row.state);
    for (const kind of row.kinds) count("warning", kind);
    if (!row.model) continue;
    count("model", row.model.key);
    for (const index of absent(row)) count("absent", row.model.landmarks[index].name);
    for (const [index] of row.outliers) count("outlier", row.model.landmarks[index].name);
  }
  const titles = new Map(summary.models.flatMap((model) => model.landmarks.map((one) => [one.name, one.title])));
  const of = (name, entries, first) => [["", "all"], ...first, ...entries
    .map(([key, text]) => [key, text, counts.get(`${name}/${key}`) ?? 0]).filter(([, , many]) => many > 0)
    .sort((one, other) => other[2] - one[2]).map(([key, text, many]) => [key, `${text} (${many.toLocaleString("en")})`])];
  fill(byId("state"), of("state", summary.states.map((state) => [state, state]), []));
  fill(byId("model"), of("model", summary.models.map((model) => [model.key, model.key]), []));
  fill(byId("warning"), of("warning", summary.warnings.map((text, kind) => [kind, text]), [["any", "any warning"], ["none", "no warning"]]));
  fill(byId("absent"), of("absent", [...titles], [["any", "any landmark"]]));
  fill(byId("outlier"), of("outlier", [...titles], [["any", "any landmark"]]));
  byId("model-label").hidden = summary.models.length < 2;
  // What no case has cannot be chosen, and nobody filters a handful of cases.
  const has = (name) => [...counts.keys()].some((key) => key.startsWith(`${name}/`));
  for (const name of ["warning", "absent", "outlier"]) byId(name).closest("label").hidden = !has(name);
  byId("state").closest("label").hidden = byId("state").options.length < 3;
  byId("filters").hidden = rows.length <= FEW;
  for (const name of ["search", "state", "model", "warning", "absent", "outlier", "reviewed", "below", "order", "size", "page"]) {
    byId(name).addEventListener("input", () => ask({ [name]: byId(name).value, ...(name === "page" ? {} : { page: "1" }) }));
  }
  byId("clear").addEventListener("click", () => ask({ ...DEFAULTS, tab: asked.tab, order: asked.order, size: asked.size }));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
}

function ask(changes) {
  Object.assign(asked, changes);
  writeAddress();
  show();
}

function showFilters(kept) {
  for (const name of ["search", "state", "model", "warning", "absent", "outlier", "reviewed", "below", "order", "size"]) {
    if (byId(name).value !== asked[name]) byId(name).value = asked[name];
  }
  byId("below-text").textContent = `${asked.below} %`;
  byId("count").textContent = kept.length === rows.length ? plural(rows.length, "case")
    : `${kept.length.toLocaleString("en")} of ${plural(rows.length, "case")}`;
  const range = rangeFilter();
  byId("chips").replaceChildren(...(range ? [make("button", { type: "button", title: "Remove this filter",
    textContent: `${range.title}: ${number(range.low)} to ${withUnit(range.high, range.unit)} ×`, onclick: () => ask({ range: "", page: "1" }) })] : []));
}
