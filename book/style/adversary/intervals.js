// An upper bound on S for an encoder that was trained for it: interval by interval from pixels to features, as
// rt_utils/evaluation/interval_bounds.py. In float64: a proof up to rounding. In l_2 it is that of the l_inf ball of the
// same radius, which holds the l_2 ball: true, and far wider.
"use strict";
globalThis.RT = globalThis.RT ?? {};
RT.intervals = function ({ correlate }) {
  // A convolution takes centres by its weights and half widths by their absolute values; then ReLU takes both ends.
  function convolved(layer, [low, high], added) {
    const { input, output, plan, step } = layer, half = low.map((value, i) => (high[i] - value) / 2);
    layer.absolute ??= layer.forwards.map(Math.abs);
    input.values.set(low.map((value, i) => value + half[i]));
    layer.affine(false);
    const wide = new Float64Array(output.values.length);
    correlate(half, wide, layer.absolute, plan);
    return [-1, 1].map((sign, end) => output.values.map((value, i) => {
      const own = value + sign * wide[i] + (added ? added[end][i] : 0);
      return step.relu ? Math.max(0, own) : own;
    }));
  }

  // Every entry of these layers grows with every entry of its input: the ends go through as they are.
  function through({ input, output, forward }, ends) {
    return ends.map((end) => {
      input.values.set(end);
      forward();
      return output.values.slice();
    });
  }

  function shiftBound(run, x, eps) {
    const z = run.forward(x), ends = new Map();
    const pixels = (sign) => run.place(x.map((value) => Math.min(1, Math.max(0, value + sign * eps)))).values.slice();
    ends.set(run.image, [pixels(-1), pixels(1)]);
    for (const layer of run.layers) {
      const own = ends.get(layer.input);
      ends.set(layer.output, layer.affine ? convolved(layer, own, layer.add && ends.get(layer.add)) : through(layer, own));
    }
    const [low, high] = ends.get(run.layers.at(-1).output).map(run.read);
    return Math.hypot(...z.map((value, k) => Math.max(high[k] - value, value - low[k])));
  }

  return { shiftBound };
};
