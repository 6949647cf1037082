// What the page knows: the summary that is part of it, and rows of cases that come in chunks.
const summary = JSON.parse(document.getElementById("summary").textContent);
const rows = [];
const STATUS = { d: "detected", u: "uncertain", a: "absent", A: "accepted", C: "corrected", M: "missing" };
const byId = (name) => document.getElementById(name);

// Files of this page are scripts, because a page opened from a disk may read nothing else.
const pending = {};
window.cohort = {
  cases(number, packed) { pending[`cases-${number}`] = packed; },
  points(name, packed) { pending[name] = packed; },
};

function load(name) {
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = `${summary.folder}/${name}.js`;
    script.onload = () => { script.remove(); const found = pending[name]; delete pending[name]; done(found); };
    script.onerror = () => failed(new Error(
      `${summary.folder}/${name}.js cannot be read: the page needs the folder ${summary.folder} beside it; copy both, or make the report anew.`));
    document.head.append(script);
  });
}

function unpack(packed, index) {
  const [id, state, number, score, lowest, files, thumbnail, picture, warnings, confidences, statuses,
    outliers, measured, reason, reviewed, seconds] = packed;
  const model = summary.models[number];
  const path = (at) => at !== null && summary.files[at].replaceAll("{case}", () => id).replaceAll("{model}", () => model.name);
  const row = { index, id, state: summary.states[state], model, score, lowest, files: () => files.map(path), thumbnail: path(thumbnail),
    picture: path(picture), warnings, confidences, statuses, outliers, measured, reason, reviewed, seconds };
  row.kinds = new Set(warnings.map(([kind]) => kind));
  row.words = [id, reason, ...warnings.map(([, text]) => text)].join("\n").toLowerCase();
  return row;
}

async function loadRows(progress) {
  for (let number = 0; number < summary.chunks; number++) {
    for (const packed of await load(`cases-${number}`)) rows.push(unpack(packed, rows.length));
    progress(rows.length);
  }
}

// Positions of one landmark in every case, as 16 bit numbers: x, y, z in units of the frame, and the distance.
async function loadPoints(model, landmark) {
  const packed = atob(await load(`points-${model}-${landmark}`));
  const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 8 }, (_, n) => {
    const [x, y, z, far] = [0, 2, 4, 6].map((offset) => view.getInt16(8 * n + offset, true));
    return x === -32768 ? null : { x: x * summary.models[model].unit, y: y * summary.models[model].unit, z: z * summary.models[model].unit, distance: far / 100 };
  });
}

function make(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
const percent = (value) => (value === null ? "–" : `${value} %`);
const number = (value) => {
  const size = Math.abs(value);
  return String(Number(size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : size >= 0.1 ? value.toFixed(2) : value.toPrecision(1)));
};
const withUnit = (value, unit) => (unit === "°" ? `${number(value)}°` : `${number(value)} ${unit}`.trim());
