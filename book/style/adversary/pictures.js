// Images on canvases, and the marks of one search: bars, the strip over the radii.
"use strict";
globalThis.RT = globalThis.RT ?? {};
RT.pictures = function (part, { shown }) {
  const AREA = 1024;

  function paint(canvas, rgb) {
    const context = canvas.getContext("2d"), picture = context.createImageData(32, 32);
    for (let i = 0; i < AREA; i++) picture.data.set([rgb(i), rgb(i + AREA), rgb(i + 2 * AREA), 255], 4 * i);
    context.putImageData(picture, 0, 0);
  }

  const image = (canvas, x) => paint(canvas, (i) => 255 * x[i]);

  // x, x + delta, and delta magnified around grey; says by how much.
  function three(x, moved) {
    image(part("clean"), x);
    image(part("perturbed"), moved);
    let largest = 0;
    for (let i = 0; i < x.length; i++) largest = Math.max(largest, Math.abs(moved[i] - x[i]));
    const times = largest ? Math.max(1, Math.floor(0.5 / largest)) : 1;
    paint(part("delta"), (i) => 255 * (0.5 + times * (moved[i] - x[i])));
    part("times").textContent = largest ? `× ${times}` : "= 0";
    return { largest, times };
  }

  // Lengths on one scale, which holds all of them; m and the bound are marks across it.
  function bars(clean, found, factor, bound) {
    const finite = [found.shift, clean.ratio, bound].filter(Number.isFinite), scale = 1.08 * Math.max(...finite, 1e-9);
    const share = (value) => `${Math.min(100, (100 * value) / scale).toFixed(2)}%`;
    part("shift-bar").style.width = share(found.shift);
    part("subspace-bar").style.width = share(found.subspace);
    part("shift-value").textContent = shown(found.shift);
    part("subspace-value").textContent = shown(found.subspace);
    part("margin-mark").style.left = share(clean.ratio);
    part("margin-value").textContent = shown(clean.ratio);
    part("bound-mark").hidden = !Number.isFinite(bound);
    part("bound-mark").style.left = share(bound);
    part("bound-item").hidden = !Number.isFinite(bound);
    part("bound-value").textContent = shown(bound);
    const allowed = factor * found.shift;
    part("loss-bar").style.width = allowed ? `${((100 * found.lossGap) / allowed).toFixed(2)}%` : "0";
    part("loss-value").textContent = `${shown(found.lossGap)} of at most ${shown(allowed)}`;
  }

  // One cell a radius: what is settled there. A refutation or a flip stays true at every larger radius, a proof at every
  // smaller one.
  function strip(cells, verdicts, at) {
    const rank = { refuted: 1, flipped: 2 }, names = ["", "refuted", "flipped"];
    const proved = Math.max(-1, ...[...verdicts].filter(([, verdict]) => verdict === "proved").map(([k]) => k));
    let settled = 0;
    cells.forEach((cell, k) => {
      settled = Math.max(settled, rank[verdicts.get(k)] ?? 0);
      cell.dataset.verdict = names[settled] || (k <= proved ? "proved" : (verdicts.get(k) ?? ""));
      cell.toggleAttribute("data-here", k === at);
    });
  }

  return { image, three, bars, strip };
};
