(() => {
  "use strict";
  const form = document.getElementById("filter");
  const controls = [...document.querySelectorAll("[data-outcome]")];
  if (form && controls.length) {
    const said = document.getElementById("filtered");
    const texts = controls.map((c) => c.textContent.toLowerCase());
    const apply = () => {
      const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
      const outcome = form.elements.outcome.value;
      const severity = form.elements.severity.value;
      const all = !words.length && !outcome && !severity;
      let shown = 0;
      controls.forEach((c, i) => {
        const fits = (!outcome || c.dataset.outcome === outcome) &&
          (!severity || c.dataset.severity === severity) &&
          words.every((w) => texts[i].includes(w));
        c.hidden = !fits;
        if (fits) { shown++; }
      });
      document.querySelectorAll("[data-group]").forEach((g) => {
        const some = g.querySelector("[data-outcome]:not([hidden])");
        g.hidden = !some;
        if (!all && some && g.matches("details")) { g.open = true; }
      });
      said.textContent = all ? "" : shown + " of " + controls.length + " controls shown";
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (e) => e.preventDefault());
    form.hidden = false;
  }
  const list = document.getElementById("list");
  const fleet = document.getElementById("fleet");
  if (list && fleet) {
    const body = list.tBodies[0];
    const rows = [...body.rows];
    const said = document.getElementById("listed");
    const choose = () => {
      const name = fleet.elements.name.value.toLowerCase();
      const verdict = fleet.elements.verdict.value;
      let shown = 0;
      for (const r of rows) {
        r.hidden = !(r.cells[0].textContent.toLowerCase().includes(name) && (!verdict || r.classList.contains(verdict)));
        if (!r.hidden) { shown++; }
      }
      said.textContent = name || verdict ? shown + " of " + rows.length + " shown" : "";
    };
    fleet.addEventListener("input", choose);
    fleet.addEventListener("submit", (e) => e.preventDefault());
    fleet.hidden = false;
    [...list.tHead.rows[0].cells].forEach((head, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      const value = (r) => r.cells[i].dataset.rank ?? r.cells[i].textContent;
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const h of list.tHead.rows[0].cells) { h.removeAttribute("aria-sort"); }
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const sorted = rows.toSorted((a, b) => value(a).localeCompare(value(b), "en", {numeric: true}));
        body.append(...(down ? sorted.reverse() : sorted));
      });
    });
  }
  const unfold = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    const fold = target && target.closest("details");
    if (fold) { fold.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", unfold);
  unfold();
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details.fold:not([open])")];
    folded.forEach((d) => { d.open = true; });
  });
  addEventListener("afterprint", () => { folded.forEach((d) => { d.open = false; }); });
})();
