// The live figure of the AS score against the radius: one row for each data set, drawn in plain SVG.
// The numbers stand in the page as JSON; positions are percentages, so that text keeps its size on a phone.
"use strict";
for (const figure of document.querySelectorAll(".rt-sweep")) {
  const { radii, encoders } = JSON.parse(figure.querySelector("script").textContent);
  const find = (name) => figure.querySelector(`[data-part="${name}"]`);
  const eps = find("eps"), rows = find("rows"), output = find("output");
  const shown = (value) => value.toPrecision(3);

  function svg(parent, name, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return parent.appendChild(element);
  }

  function html(parent, kind, text) {
    const element = parent.appendChild(document.createElement("span"));
    element.className = kind;
    element.textContent = text;
    return element;
  }

  function draw() {
    const at = Number(eps.value), encoder = encoders[Number(figure.querySelector("input[type=radio]:checked").value)];
    const largest = Math.max(...encoder.data.map((data) => Math.max(data.quantiles.at(-1).at(-1), data.score.at(-1)))) || 1;
    const place = (value) => `${(96 * value) / largest + 1}%`; // what moves is the radius; the scale stays
    find("eps-value").textContent = radii[at];
    eps.setAttribute("aria-valuetext", `eps ${radii[at]}`);
    rows.replaceChildren();
    for (const data of encoder.data) {
      const row = rows.appendChild(document.createElement("div"));
      const [low, lower, median, upper, high] = data.quantiles[at];
      html(row, "name", data.name);
      const picture = svg(row, "svg", {
        role: "img", height: 26,
        "aria-label": `${data.name}: AS score ${shown(data.score[at])}, half of the points from ${shown(lower)} to ${shown(upper)}, median ${shown(median)}`,
      });
      svg(picture, "line", { x1: "1%", x2: "97%", y1: 25, y2: 25, stroke: "currentColor", "stroke-opacity": 0.25 });
      svg(picture, "line", { x1: place(low), x2: place(high), y1: 13, y2: 13, stroke: "currentColor", "stroke-width": 1.5 });
      svg(picture, "line", { x1: place(lower), x2: place(upper), y1: 13, y2: 13, stroke: encoder.colour, "stroke-width": 11, "stroke-opacity": 0.75 });
      const mark = svg(picture, "svg", { x: place(data.score[at]), overflow: "visible" });
      svg(mark, "path", { d: "M0 5l7 8l-7 8l-7 -8z", fill: encoder.colour, stroke: "currentColor" });
      html(row, "value", shown(data.score[at]));
    }
    const axis = rows.appendChild(document.createElement("div"));
    html(axis, "name", "");
    const scale = svg(axis, "svg", { "aria-hidden": true, height: 20 });
    for (const share of [0, 0.5, 1])
      svg(scale, "text", { x: place(share * largest), y: 14, fill: "currentColor", "text-anchor": ["start", "middle", "end"][2 * share] })
        .textContent = share ? shown(share * largest) : "0";
    html(axis, "value", "AS");
    const sorted = [...encoder.data].sort((a, b) => a.score[at] - b.score[at]);
    output.textContent = at ? `${encoder.name}, ε = ${radii[at]}: ${sorted.map((data) => `${data.name} ${shown(data.score[at])}`).join(" < ")}` : "ε = 0: nothing moves.";
  }

  for (const input of figure.querySelectorAll("input")) {
    input.addEventListener("input", draw);
    input.addEventListener("keydown", (event) => event.stopPropagation()); // the theme turns pages with the arrow keys
  }
  addEventListener("pageshow", draw); // after Back a browser may have moved the slider
  draw();
}
