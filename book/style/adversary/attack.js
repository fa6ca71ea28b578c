// PGD as in rt_utils/evaluation/attacks.py: the first step is 3 eps, the steps fall to 0 by a cosine, every run begins as
// far away as the ball allows. What it finds are lower bounds: nothing here is a certificate.
"use strict";
globalThis.RT = globalThis.RT ?? {};
RT.attack = function (theory) {
  const REL_STEPSIZE = 3;

  // A generator of numbers in [0, 1) that the seed decides (mulberry32).
  function uniform(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  const inBox = (value) => Math.min(1, Math.max(0, value));

  // Back into the ball around x, then into the box of images.
  function allowed(image, x, { norm, eps }) {
    if (norm === "linf") return image.map((value, i) => inBox(Math.min(x[i] + eps, Math.max(x[i] - eps, value))));
    const delta = theory.minus(image, x), factor = Math.min(1, eps / Math.max(theory.length(delta), 1e-12));
    return image.map((_, i) => inBox(x[i] + factor * delta[i]));
  }

  // Corners of the l_inf ball, the sphere of the l_2 ball, cut with the box.
  function randomStart(x, threat, random) {
    if (threat.norm === "linf") return allowed(x.map((value) => value + (random() < 0.5 ? -1 : 1) * threat.eps), x, threat);
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const noise = x.map(normal), factor = threat.eps / theory.length(noise);
    return allowed(x.map((value, i) => value + factor * noise[i]), x, threat);
  }

  function stepped(point, slopes, x, threat, size) {
    const factor = (size * threat.eps) / (threat.norm === "linf" ? 1 : Math.max(theory.length(slopes), 1e-12));
    const move = threat.norm === "linf" ? Math.sign : (value) => value;
    return allowed(point.map((value, i) => value + factor * move(slopes[i])), x, threat);
  }

  // The two things that are made large, each with its slopes in the features.
  const objectives = {
    shift: (head, { z }) => (moved) => {
      const v = theory.minus(moved, z), size = theory.length(v);
      return { value: size, slopes: v.map((value) => value / Math.max(size, 1e-12)) };
    },
    margin: (head, { predicted }) => (moved) => {
      const { by, other } = theory.behind(theory.logits(head, moved), predicted);
      return { value: by, slopes: theory.minus(head.weight[other], head.weight[predicted]) };
    },
  };

  // One run: yields every image on the way with its features and value, the last one too.
  function* pgd(network, objective, x, threat, { steps, start, relStepsize = REL_STEPSIZE }) {
    let image = start;
    for (let k = 0; k <= steps; k++) {
      const z = network.forward(image), { value, slopes } = objective(z);
      yield { image, z, value };
      if (k === steps) return;
      image = stepped(image, network.backward(slopes), x, threat, (relStepsize * (1 + Math.cos((Math.PI * k) / steps))) / 2);
    }
  }

  // The largest of everything that was seen, the clean image included; so the theorems' inequalities hold by algebra.
  function nothing(head, clean, x, label) {
    const { predicted } = clean;
    return {
      shift: 0, subspace: 0, lossGap: 0, ahead: theory.behind(theory.logits(head, clean.z), predicted).by,
      flipped: false, to: predicted, image: x, worst: x, z: clean.z, zWorst: clean.z, label, seen: 0,
    };
  }

  function add(best, head, clean, { image, z }) {
    const f = theory.logits(head, z), shift = theory.shift(clean.z, z), { by } = theory.behind(f, clean.predicted);
    best.seen += 1;
    if (shift > best.shift) Object.assign(best, { shift, image, z });
    best.subspace = Math.max(best.subspace, theory.subspaceShift(head.basis, clean.z, z));
    best.lossGap = Math.max(best.lossGap, theory.crossEntropy(f, best.label ?? clean.predicted) - clean.loss);
    const to = theory.largest(f), flips = to !== clean.predicted;
    if (flips > best.flipped || (flips === best.flipped && by > best.ahead))
      Object.assign(best, { ahead: by, worst: image, zWorst: z, flipped: flips, to });
  }

  // `restarts` runs on each objective, then `refine` steps from each one's best, as the package's plan. Yields after
  // every step what is best so far and what part of the work is done. `known`: allowed images that earlier searches found.
  function* search(network, head, x, threat, { label, steps = 20, restarts = 1, refine = 0, seed = 0, known = [] }) {
    const clean = theory.clean(head, network.forward(x), label), best = nothing(head, clean, x, label);
    for (const image of known) add(best, head, clean, { image, z: network.forward(image) });
    yield { clean, best, part: 0 };
    if (threat.eps === 0) return;
    const all = 2 * (restarts * (steps + 1) + (refine ? refine + 1 : 0)), random = uniform(seed);
    let done = 0;
    const top = {};
    function* run(name, settings) {
      for (const at of pgd(network, objectives[name](head, clean), x, threat, settings)) {
        add(best, head, clean, at);
        if (!(at.value <= top[name]?.value)) top[name] = at;
        yield { clean, best, part: ++done / all, at };
      }
    }
    for (let restart = 0; restart < restarts; restart++) {
      const start = randomStart(x, threat, random);
      yield* run("shift", { steps, start });
      yield* run("margin", { steps, start });
    }
    if (!refine) return;
    for (const name of ["shift", "margin"])
      yield* run(name, { steps: refine, start: top[name].image, relStepsize: (REL_STEPSIZE * 2) / 3 });
  }

  return { uniform, allowed, randomStart, stepped, objectives, pgd, search };
};
