// What the page says. Five verdicts and no more: a search that found nothing is never called a certificate.
"use strict";
globalThis.RT = globalThis.RT ?? {};
RT.words = function () {
  const shown = (value) => (Number.isFinite(value) ? (value === 0 ? "0" : value.toPrecision(3)) : "∞");
  const radius = ({ norm, eps }) => (norm === "linf" ? `${Math.round(eps * 255)}/255` : eps.toFixed(2));

  // `kind` from theory.verdict; `bound`: a proved upper bound on S, where there is one.
  function verdict(kind, clean, found, bound) {
    const S = `S found ${shown(found.shift)}`, m = `m ${shown(clean.ratio)}`, steps = `${found.seen} images tried`;
    const projected = found.subspace < clean.ratio ? ` The part of the shift that the head sees, ${shown(found.subspace)}, is below m.` : "";
    return {
      unbroken: ["Nothing found", `${S} < ${m}: nothing found among ${steps} breaks the criterion. Not a certificate.`],
      proved: ["Proved, up to rounding", `S is at most ${shown(bound)} < ${m}, by interval bounds: no perturbation in the set changes the prediction.`],
      refuted: ["Criterion refuted, no flip found", `${S} ≥ ${m}: that is settled. Whether some perturbation flips the prediction is unknown.${projected}`],
      flipped: [`Flipped to ${found.to}`, `Settled: here is the image. ${S} ≥ ${m}, as Theorem 2 says it must be.`],
      mistake: ["A mistake in the code", `The prediction flipped although ${S} < ${m}. Theorem 2 excludes that.`],
    }[kind];
  }

  const waiting = (clean) => ["Not attacked yet", `m ${shown(clean.ratio)}. Guess: will this radius be enough to change what it is read as? Then press Attack.`];
  const searching = (found, part) => ["Searching", `${Math.round(100 * part)} %. S found so far ${shown(found.shift)}.`];
  const still = (clean) => ["ε = 0: nothing moves", `S = 0 and m ${shown(clean.ratio)}.`];
  const gained = (before, after) => (after > before * 1.0005 ? `The harder search raised S found from ${shown(before)} to ${shown(after)}. ` : `The harder search found no larger shift. `);

  return { shown, radius, verdict, waiting, searching, still, gained };
};
