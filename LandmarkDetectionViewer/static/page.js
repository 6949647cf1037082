// Keys of the review, the selected row in sight, and a word when the server is gone.
(() => {
  const PREFIX = "review_";
  const FIELDS = "input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]";

  function combination(event) {
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    return (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.shiftKey ? "Shift+" : "") + key;
  }

  // Before the views see a key: Slicer's views have meanings of their own for letters.
  let last = "";
  document.addEventListener(
    "keydown",
    (event) => {
      last = event.key;
      if (event.key === "Escape" && event.target.matches?.(FIELDS)) event.target.blur();
      if (!window.trame?.state || event.altKey || event.target.closest?.(FIELDS)) return;
      const keys = window.trame.state.get(PREFIX + "keys") || [];
      const pressed = combination(event);
      if (!keys.includes(pressed)) return;
      event.preventDefault();
      event.stopPropagation();
      window.trame.trigger("review_key", [pressed]);
    },
    true,
  );
  document.addEventListener("pointerdown", () => (last = ""), true);

  // A choice is made: keys mean the review again. Who goes through choices with the arrows is not there yet.
  document.addEventListener(
    "change",
    (event) => event.target.matches?.("select") && !last.startsWith("Arrow") && event.target.blur(),
  );

  let shown = "";
  let wasDrawn = false;
  new MutationObserver(() => {
    wasDrawn ||= document.querySelector(".review") !== null;
    for (const picture of document.querySelectorAll("img.image-display-area:not([alt])")) {
      const name = picture.closest(".layout-grid-item")?.querySelector(".view-name span")?.textContent;
      if (name) picture.alt = `${name} view`;
    }
    const row = document.querySelector(".landmarks tr.is-selected");
    if (row && row.id !== shown) {
      shown = row.id;
      row.scrollIntoView({ block: "nearest" });
    }
  }).observe(document.documentElement, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });

  const ENDED = "The connection to the server is lost. ";
  const LOADING = 10; // so often not connected is given to a page that was never drawn
  let failures = 0;

  function lostWords(status) {
    if (status === 401) return "The server was started again: open the new address that it has printed.";
    return window.trame?.state?.get(PREFIX + "isSaved") === false
      ? ENDED + "The last changes may not be saved yet; this page comes back by itself when it is there again."
      : ENDED + "What was reviewed up to now is saved there; this page comes back by itself when it is there again.";
  }

  setInterval(async () => {
    let connected = false;
    let status = 0;
    try {
      const answer = await fetch("/alive", { cache: "no-store", signal: AbortSignal.timeout(4000) });
      status = answer.status;
      connected = answer.ok && (await answer.json()).connected;
    } catch (problem) {
      // A large image is being read, which holds the server up.
      if (problem.name === "TimeoutError" && window.trame?.state?.get(PREFIX + "isOpening")) return;
    }
    // What is drawn goes with the connection, which a server at the other end of a cut cable believes in for long.
    const drawn = document.querySelector(".review") !== null;
    connected &&= drawn || !wasDrawn;
    failures = connected ? 0 : failures + 1;
    // The server is there, this page's connection is not: cut off for a while, or taken over elsewhere.
    if (failures >= (wasDrawn ? 2 : LOADING) && status === 200) {
      location.reload();
      return;
    }
    let lost = document.getElementById("review-lost");
    if (!lost) {
      // Outside of what the server has drawn, which goes with the connection.
      lost = document.createElement("div");
      lost.id = "review-lost";
      lost.setAttribute("role", "alert");
      document.body.append(lost);
    }
    lost.hidden = failures < 2 || (status === 200 && !wasDrawn);
    lost.textContent = lost.hidden ? "" : lostWords(status);
  }, 2000);
})();
