// A slider over settings that the page has computed: for each measure a bar for each group, on a scale that stays.
"use strict";
for (const figure of document.querySelectorAll(".rt-what-if")) {
  const { settings, groups, label } = JSON.parse(figure.querySelector("script").textContent);
  const at = figure.querySelector("input"), rows = figure.querySelector("[data-part=rows]"), output = figure.querySelector("output");
  const shown = (value) => value === null ? "–" : value.toPrecision(3);
  const make = (parent, name, text = "") => Object.assign(parent.appendChild(document.createElement(name)), { textContent: text });

  function draw() {
    const now = Number(at.value);
    figure.querySelector("[data-part=at]").textContent = settings[now];
    at.setAttribute("aria-valuetext", `${label} ${settings[now]}`);
    rows.replaceChildren();
    const said = [];
    for (const measure of Object.keys(groups[0].values)) {
      const largest = Math.max(...groups.flatMap((group) => group.values[measure])) || 1;
      make(rows, "b", measure);
      for (const { name, values, colour } of groups) {
        const row = make(rows, "div"), value = values[measure][now];
        make(row, "span", name);
        const bar = make(make(row, "i"), "i");
        bar.style.width = `${Math.max(0, (100 * value) / largest)}%`;
        bar.style.background = colour;
        make(row, "span", shown(value));
        said.push(`${name}, ${measure}: ${shown(value)}`);
      }
    }
    output.textContent = `${label} ${settings[now]}. ${said.join("; ")}.`;
  }

  at.addEventListener("input", draw);
  at.addEventListener("keydown", (event) => event.stopPropagation()); // the theme turns pages with the arrow keys
  addEventListener("pageshow", draw); // after Back a browser may have moved the slider
  draw();
}
