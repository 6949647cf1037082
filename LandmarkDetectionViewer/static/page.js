// Keys of the review, the selected row in sight, and a word when the server is gone.
(() => {
  const PREFIX = "review_";
  const FIELDS = "input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]";

  function combination(event) {
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    return (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.shiftKey ? "Shift+" : "") + key;
  }

  // Before the views see a key: Slicer's views have meanings of their own for letters.
  document.addEventListener(
    "keydown",
    (event) => {
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

  // A choice is made: keys mean the review again.
  document.addEventListener("change", (event) => event.target.matches?.("select") && event.target.blur());

  let shown = "";
  new MutationObserver(() => {
    const row = document.querySelector(".landmarks tr.is-selected");
    if (row && row.id !== shown) {
      shown = row.id;
      row.scrollIntoView({ block: "nearest" });
    }
  }).observe(document.documentElement, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });

  let failures = 0;
  setInterval(async () => {
    let connected = false;
    try {
      const answer = await fetch("/alive", { cache: "no-store" });
      connected = answer.ok && (await answer.json()).connected;
    } catch {
      // Counted below.
    }
    failures = connected ? 0 : failures + 1;
    let lost = document.getElementById("review-lost");
    if (!lost) {
      // Outside of what the server has drawn, which goes with the connection.
      lost = document.createElement("div");
      lost.id = "review-lost";
      lost.setAttribute("role", "alert");
      document.body.append(lost);
    }
    lost.hidden = failures < 2;
    lost.textContent = lost.hidden ? "" :
      "The connection to the server is lost. What was reviewed up to now is saved there; load this page again when the server is back.";
  }, 2000);
})();
