// The ledger's filters: by kind, verdict and page. Without this script all rows are shown.
"use strict";
for (const table of document.querySelectorAll(".rt-ledger")) {
  const groups = [...table.tBodies], bar = document.createElement("form"), values = { kind: new Set(), verdict: new Set(), page: new Set() };
  for (const group of groups) {
    values.kind.add(group.dataset.kind);
    values.page.add(group.dataset.page);
    for (const verdict of group.dataset.verdicts.split("|")) values.verdict.add(verdict);
  }
  const selects = {};
  for (const [name, found] of Object.entries(values)) {
    const label = bar.appendChild(document.createElement("label")), select = document.createElement("select");
    label.append(`${name} `, select);
    for (const value of ["all", ...found]) select.append(new Option(value, value));
    selects[name] = select;
  }
  const label = bar.appendChild(document.createElement("label")), every = document.createElement("input");
  every.type = "checkbox";
  label.append(every, " show every case");
  const said = bar.appendChild(document.createElement("output"));
  bar.className = "rt-filters";
  bar.setAttribute("aria-label", "Filters of the ledger");

  function show() {
    const { kind, verdict, page } = selects, wanted = (select, value) => select.value === "all" || select.value === value;
    let cases = 0, claims = 0;
    for (const group of groups) {
      const fits = wanted(kind, group.dataset.kind) && wanted(page, group.dataset.page);
      let here = 0;
      for (const row of group.querySelectorAll("[data-verdict]")) {
        const counts = fits && wanted(verdict, row.dataset.verdict);
        if (counts && row.matches(".rt-case")) here++;
        row.hidden = !(counts && (every.checked || verdict.value !== "all" || row.dataset.verdict === "violated"));
      }
      group.hidden = !here;
      cases += here;
      claims += Boolean(here);
    }
    said.textContent = `${claims} claims, ${cases} cases`;
  }

  for (const input of [...Object.values(selects), every]) input.addEventListener("keydown", (event) => event.stopPropagation());
  bar.addEventListener("input", show);
  bar.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("pageshow", show); // after Back the fields may hold what they held before
  table.parentElement.before(bar);
  show();
}
