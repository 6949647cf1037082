// Puts the parts together: what is asked for is shown, wherever it was asked.
const TABS = ["results", "distributions", "landmarks", "failures"];

function show() {
  const kept = matching();
  const ordered = [...kept].sort(ORDERS[asked.order] ?? ORDERS.worst);
  showFilters(kept);
  showCases(ordered);
  const there = parts();
  const tab = there.includes(asked.tab) ? asked.tab : there[0];
  byId("tabs").hidden = there.length < 2;
  for (const name of TABS) {
    byId(name).hidden = name !== tab;
    const button = document.querySelector(`[aria-controls=${name}]`);
    button.hidden = !there.includes(name);
    button.setAttribute("aria-selected", String(name === tab));
    button.tabIndex = name === tab ? 0 : -1;
  }
  if (tab === "distributions") showDistributions(kept);
  if (tab === "landmarks") showLandmarks();
  if (tab === "failures") showFailures();
}

// The parts that have something to show: what compares cases needs two of them.
function parts() {
  const done = rows.filter((row) => row.state === "done").length;
  const failed = rows.some((row) => row.state !== "done" && row.state !== "not started");
  return TABS.filter((name) => name === "results" || (name === "failures" ? failed : done > 1));
}

function trouble(problem) {
  byId("trouble").textContent = problem.message;
  byId("trouble").hidden = false;
}

function prepareTabs() {
  for (const name of TABS) {
    const button = document.querySelector(`[aria-controls=${name}]`);
    button.addEventListener("click", () => ask({ tab: name }));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const there = parts();
      const other = there[(there.indexOf(name) + step + there.length) % there.length];
      ask({ tab: other });
      document.querySelector(`[aria-controls=${other}]`).focus();
    });
  }
}

function prepareCase() {
  const dialog = byId("case");
  byId("case-close").onclick = () => dialog.close();
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight") byId("case-next").click();
    if (event.key === "ArrowLeft") byId("case-previous").click();
  });
}

window.addEventListener("hashchange", () => { readAddress(); show(); });
window.addEventListener("beforeprint", () => { showDistributions(matching()); showLandmarks(); showFailures(); });

(async () => {
  byId("count").textContent = "loading…";
  byId("filters").hidden = false;
  try {
    await loadRows((there) => { byId("count").textContent = `loading, ${plural(there, "case")}…`; });
  } catch (problem) { trouble(problem); return; }
  readAddress();
  prepareFilters();
  prepareTabs();
  prepareCase();
  show();
  document.body.dataset.ready = "yes";
})();
