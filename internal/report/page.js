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
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((d) => { d.open = true; });
  });
  addEventListener("afterprint", () => { folded.forEach((d) => { d.open = false; }); });
})();
