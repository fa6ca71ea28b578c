// The live figure of the chapter on the setting: a ball around a point, its image under a representation, a head.
// Everything is drawn in plain SVG; colours come from the page, so that light and dark need one rule.
"use strict";
for (const figure of document.querySelectorAll(".rt-ball")) {
  const SIDE = 300, WORLD = 2.2, RINGS = 10, AROUND = 96, CELLS = 150, FINEST = 80;
  const LENGTHS = [1, 1.2, 0.8]; // of the three rows of the head
  const MAPS = {
    robust: ([x, y]) => [x + 0.12 * Math.sin(2 * y), y + 0.12 * Math.sin(2 * x)],
    standard: ([x, y]) => [x + 0.7 * Math.sin(3.2 * y - 0.96), y + 0.7 * Math.sin(3.2 * x - 2.88)],
  };
  const LIPSCHITZ = { robust: 1.24, standard: 3.24 }; // 1 + the largest derivative of the sine's term
  const find = (name) => figure.querySelector(`[data-part="${name}"]`);
  const eps = find("eps"), angle = find("angle"), output = find("output"), point = find("point");
  let centre = [0.9, 0.3];

  const pixel = (value) => (SIDE / 2) * (1 + value / WORLD);
  const place = ([x, y]) => `${pixel(x).toFixed(1)} ${pixel(-y).toFixed(1)}`;
  const outline = (points) => `M${points.map(place).join("L")}Z`;
  const distance = ([a, b], [c, d]) => Math.hypot(a - c, b - d);
  const rows = () => LENGTHS.map((length, j) => {
    const turn = (Number(angle.value) * Math.PI) / 180 + (2 * Math.PI * j) / 3;
    return [length * Math.cos(turn), length * Math.sin(turn)];
  });
  const logits = (W, z) => W.map((w) => w[0] * z[0] + w[1] * z[1]);
  const predicted = (W, z) => logits(W, z).reduce((best, value, j, all) => (value > all[best] ? j : best), 0);

  function regions(panel, W, map) {
    const step = (2 * WORLD) / CELLS, shapes = ["", "", ""], side = SIDE / CELLS;
    for (let k = 0; k < CELLS; k++) {
      const y = -WORLD + (k + 0.5) * step;
      const kinds = Array.from({ length: CELLS }, (_, i) => predicted(W, map([-WORLD + (i + 0.5) * step, y])));
      for (let i = 0; i < CELLS; ) { // one rectangle for each run of cells of one class
        let end = i;
        while (end < CELLS && kinds[end] === kinds[i]) end++;
        const width = ((end - i) * side).toFixed(2), height = (side + 0.05).toFixed(2);
        shapes[kinds[i]] += `M${place([-WORLD + i * step, y + step / 2])}h${width}v${height}h-${width}z`;
        i = end;
      }
    }
    shapes.forEach((shape, j) => find(`${panel}-${j}`).setAttribute("d", shape));
  }

  function draw() {
    const radius = Number(eps.value), W = rows(), map = MAPS[figure.querySelector("input[type=radio]:checked").value];
    const z = map(centre), y = predicted(W, z), f = logits(W, z);
    const margin = Math.min(...W.map((w, j) => (j === y ? Infinity : (f[y] - f[j]) / distance(W[y], w))));
    const name = Object.keys(MAPS).find((known) => MAPS[known] === map);
    let shift = 0, upper = Infinity, changed = false, rings = [];
    // Finer and finer, until S is known to be below m or at least m: no point of the ball is farther from a point tried
    // than `gap`, and features move at most LIPSCHITZ times as far as pixels.
    for (let count = RINGS; count <= FINEST && shift < margin && upper >= margin; count *= 2) {
      const around = (AROUND * count) / RINGS, tried = [];
      for (let ring = 1; ring <= count; ring++) {
        const points = [];
        for (let k = 0; k < around; k++) {
          const turn = (2 * Math.PI * k) / around, r = (radius * ring) / count;
          const image = map([centre[0] + r * Math.cos(turn), centre[1] + r * Math.sin(turn)]);
          shift = Math.max(shift, distance(image, z));
          changed ||= predicted(W, image) !== y;
          points.push(image);
        }
        tried.push(points);
      }
      if (count === RINGS) rings = tried;
      const gap = radius * Math.hypot(0.5 / count, Math.PI / around);
      upper = shift + LIPSCHITZ[name] * gap;
    }
    const drawn = `${angle.value} ${name}`;
    if (figure.dataset.drawn !== drawn) { // neither the point nor the radius changes the regions
      figure.dataset.drawn = drawn;
      regions("pixels", W, map);
      regions("features", W, (other) => other);
    }
    find("ball").setAttribute("r", (radius * SIDE) / 2 / WORLD);
    for (const part of ["ball", "point"]) {
      find(part).setAttribute("cx", pixel(centre[0]));
      find(part).setAttribute("cy", pixel(-centre[1]));
    }
    find("image").setAttribute("d", rings.filter((_, k) => k % 3 === RINGS % 3 || k === RINGS - 1).map(outline).join(""));
    for (const part of ["margin", "shift", "z"]) {
      find(part).setAttribute("cx", pixel(z[0]));
      find(part).setAttribute("cy", pixel(-z[1]));
    }
    find("margin").setAttribute("r", (margin * SIDE) / 2 / WORLD);
    find("shift").setAttribute("r", (shift * SIDE) / 2 / WORLD);
    const holds = upper < margin, open = !holds && shift < margin;
    find("eps-value").textContent = radius.toFixed(2);
    find("angle-value").textContent = `${angle.value}°`;
    output.dataset.verdict = holds ? "holds" : open ? "open" : "fails";
    output.dataset.changed = changed;
    output.textContent =
      `S(x) = ${shift.toFixed(2)} ${shift < margin ? "<" : "≥"} m(x) = ${margin.toFixed(2)}: the criterion ${holds ? "holds" : open ? "is not decided: a larger shift is not ruled out" : "fails"}. ` +
      (changed ? "Some perturbation changes the prediction." : holds ? "No perturbation changes the prediction." : open ? "No perturbation found here changes the prediction." : "Yet no perturbation found here changes the prediction: the criterion is sufficient, not necessary.");
  }

  const clamp = (value) => Math.max(-WORLD + 0.1, Math.min(WORLD - 0.1, value));
  function move(x, y) {
    centre = [clamp(x), clamp(y)];
    draw();
  }
  function follow(event) {
    const box = find("pixels").getBoundingClientRect();
    move(((event.clientX - box.left) / box.width) * 2 * WORLD - WORLD, WORLD - ((event.clientY - box.top) / box.height) * 2 * WORLD);
  }
  point.addEventListener("pointerdown", (event) => {
    point.setPointerCapture(event.pointerId);
    event.preventDefault();
    point.focus();
  });
  point.addEventListener("pointermove", (event) => point.hasPointerCapture(event.pointerId) && follow(event));
  point.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-0.05, 0], ArrowRight: [0.05, 0], ArrowUp: [0, 0.05], ArrowDown: [0, -0.05] }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation(); // the theme turns pages with the arrow keys
    move(centre[0] + by[0], centre[1] + by[1]);
  });
  for (const input of figure.querySelectorAll("input")) {
    input.addEventListener("input", draw);
    input.addEventListener("keydown", (event) => event.stopPropagation());
  }
  addEventListener("pageshow", draw); // after Back a browser may have moved the controls
  draw();
}
