// The paper's quantities at one image, as in rt_utils/theory/statements.py: z are features, W the head's rows, b its
// biases. Distances between features are in feature units, losses in nats.
"use strict";
globalThis.RT = globalThis.RT ?? {};
RT.theory = function () {
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const minus = (a, b) => Float64Array.from(a, (value, i) => value - b[i]);
  const length = (v) => Math.sqrt(dot(v, v));
  const logits = (head, z) => head.weight.map((row, j) => dot(row, z) + head.bias[j]);
  const largest = (values) => values.reduce((best, value, j) => (value > values[best] ? j : best), 0);

  // m(x) of Theorem 2, and the class in whose direction it is attained (-1: no class ever overtakes).
  function marginRatio(head, z, y) {
    const f = logits(head, z);
    let ratio = Infinity, nearest = -1;
    head.weight.forEach((row, j) => {
      if (j === y) return;
      const gap = Math.abs(f[y] - f[j]), own = gap > 0 ? gap / length(minus(head.weight[y], row)) : 0;
      if (own < ratio) [ratio, nearest] = [own, j];
    });
    return { ratio, nearest };
  }

  function crossEntropy(f, y) {
    const top = Math.max(...f);
    return Math.log(f.reduce((sum, value) => sum + Math.exp(value - top), 0)) + top - f[y];
  }

  // By how much the best other class is ahead of y, and which that is.
  function behind(f, y) {
    const other = f.reduce((best, value, j) => (j !== y && (best < 0 || value > f[best]) ? j : best), -1);
    return { by: f[other] - f[y], other };
  }

  const shift = (z, moved) => length(minus(moved, z));
  const subspaceShift = (basis, z, moved) => {
    const v = minus(moved, z);
    return Math.hypot(...basis.map((row) => dot(row, v)));
  };

  // The clean image: everything that no attack changes.
  function clean(head, z, label) {
    const f = logits(head, z), predicted = largest(f);
    return { z, predicted, loss: crossEntropy(f, label ?? predicted), ...marginRatio(head, z, predicted) };
  }

  // What the evidence says, of five things that it can say. `found`: from attack.js; `bound`: S is at most this.
  function verdict({ ratio }, found, bound = Infinity) {
    const fulfilled = found.shift < ratio;
    if (found.flipped) return fulfilled ? "mistake" : "flipped";
    if (!fulfilled) return "refuted";
    return bound < ratio ? "proved" : "unbroken";
  }

  return { dot, minus, length, logits, largest, marginRatio, crossEntropy, behind, shift, subspaceShift, clean, verdict };
};
