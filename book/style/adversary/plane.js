// The features, seen in the plane that holds the direction of the nearest boundary (to the right) and the largest shift
// found. Both have their true lengths in it; everything else is a projection, in which distances shrink.
"use strict";
globalThis.RT = globalThis.RT ?? {};
RT.plane = function (theory, svg) {
  const HALF = 150;
  const part = (name) => svg.querySelector(`[data-part="${name}"]`);
  const scaled = (v, factor) => v.map((value) => value * factor);

  function axes(head, clean, z) {
    const { predicted, nearest } = clean;
    const normal = theory.minus(head.weight[nearest < 0 ? (predicted + 1) % head.weight.length : nearest], head.weight[predicted]);
    const first = scaled(normal, 1 / (theory.length(normal) || 1)), move = theory.minus(z, clean.z);
    let second = theory.minus(move, scaled(first, theory.dot(first, move)));
    if (theory.length(second) < 1e-9) { // nothing has moved yet: any direction across
      const other = Float64Array.from(first, (_, i) => (i % 2 ? 1 : -1));
      second = theory.minus(other, scaled(first, theory.dot(first, other)));
    }
    return [first, scaled(second, 1 / theory.length(second))];
  }

  // The part of a square, in feature units around z, where the head's prediction stays: cut off class by class.
  function region(head, clean, [first, second], half) {
    let corners = [[-half, -half], [half, -half], [half, half], [-half, half]];
    const f = theory.logits(head, clean.z);
    head.weight.forEach((row, j) => {
      if (j === clean.predicted) return;
      const ahead = theory.minus(head.weight[clean.predicted], row);
      const [a, b, c] = [theory.dot(ahead, first), theory.dot(ahead, second), f[clean.predicted] - f[j]];
      const value = ([x, y]) => a * x + b * y + c;
      corners = corners.flatMap((from, k) => {
        const to = corners[(k + 1) % corners.length], u = value(from), v = value(to);
        const cut = from.map((x, i) => x + (u / (u - v)) * (to[i] - x));
        return [...(u >= 0 ? [from] : []), ...(u >= 0 !== v >= 0 ? [cut] : [])];
      });
    });
    return corners;
  }

  let path = [];

  function draw(head, clean, found, shown) {
    const plane = axes(head, clean, found.z), reach = Number.isFinite(clean.ratio) ? clean.ratio : 0;
    const half = 1.12 * Math.max(found.shift, 1.3 * reach, 1e-6), unit = HALF / half;
    const place = ([x, y]) => `${(HALF + unit * x).toFixed(1)} ${(HALF - unit * y).toFixed(1)}`;
    const at = (z) => plane.map((axis) => theory.dot(axis, theory.minus(z, clean.z)));
    const outline = (points) => (points.length ? `M${points.map(place).join("L")}` : "");
    part("stays").setAttribute("d", `${outline(region(head, clean, plane, half))}Z`);
    part("margin").setAttribute("r", unit * reach);
    part("reach").setAttribute("r", unit * found.shift);
    part("path").setAttribute("d", outline(path.map(at)));
    part("shift").setAttribute("d", found.shift > 0 ? outline([[0, 0], at(found.z)]) : "");
    const end = at(found.flipped ? found.zWorst : found.z).map((x, i) => HALF + (i ? -1 : 1) * unit * x);
    part("end").setAttribute("transform", `translate(${end.map((x) => x.toFixed(1)).join(" ")})`);
    part("end").setAttribute("visibility", found.shift > 0 ? "visible" : "hidden");
    part("end").dataset.flipped = found.flipped;
    part("own").textContent = clean.predicted;
    part("next").textContent = clean.nearest < 0 ? "" : clean.nearest;
    part("next").setAttribute("x", Math.min(284, HALF + unit * reach + 16));
    svg.setAttribute("aria-label", `The plane of features: the largest shift found is ${shown(found.shift)}, the radius of the margin's circle ${shown(clean.ratio)}`);
  }

  // The features as bars: those of x, and those that the largest shift leads to.
  function features(clean, found, chart) {
    const [width, height] = [320, 96], all = [...clean.z, ...found.z], low = Math.min(0, ...all), high = Math.max(...all);
    const y = (value) => 2 + ((height - 4) * (high - value)) / (high - low || 1), step = width / clean.z.length;
    const bar = (value, k) => `M${(k * step).toFixed(1)} ${y(0).toFixed(1)}V${y(value).toFixed(1)}h${(step - 1).toFixed(1)}V${y(0).toFixed(1)}z`;
    chart("features-clean").setAttribute("d", [...clean.z].map(bar).join(""));
    chart("features-moved").setAttribute("d", [...found.z].map(bar).join(""));
  }

  return { draw, features, step: (z) => path.push(z), clear: () => (path = []) };
};
