// Runs in a worker: searches one step at a time, so that a newer request can interrupt; remembers what was found.
// A smaller radius's finds are allowed at a larger one, so what is found never falls when the radius grows.
"use strict";
globalThis.RT = globalThis.RT ?? {};
RT.work = function (network, attack, intervals, port) {
  const encoders = new Map(), memory = new Map();
  let newest = 0;
  const breath = () => new Promise((resolve) => {
    const channel = new MessageChannel(); // a timer would wait 4 ms
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(0);
  });

  // Images that were found at this image, encoder and norm, made to fit this radius.
  function known(kept, x, threat) {
    const below = kept.filter(({ eps }) => eps <= threat.eps).sort((a, b) => b.eps - a.eps)[0];
    const above = kept.filter(({ eps }) => eps > threat.eps).sort((a, b) => a.eps - b.eps)[0];
    const shrunk = (image) => attack.allowed(x.map((value, i) => value + ((image[i] - value) * threat.eps) / above.eps), x, threat);
    return [...(below?.images ?? []), ...(above?.images ?? []).map(shrunk)];
  }

  function keep(kept, eps, { image, worst }) {
    const own = kept.find((other) => other.eps === eps);
    if (own) own.images = [image, worst];
    else kept.push({ eps, images: [image, worst] });
  }

  async function search({ id, encoder, key, x, threat, settings, only }) { // only: "known", what is remembered; "noise", random starts that are not remembered
    const { run, head } = encoders.get(encoder);
    if (!memory.has(key)) memory.set(key, []);
    const kept = memory.get(key), old = only === "noise" ? [] : known(kept, x, threat);
    const bound = head.bounded ? intervals.shiftBound(run, x, threat.eps) : Infinity;
    let last = null;
    for (const state of attack.search(run, head, x, threat, { ...settings, known: old })) {
      last = state;
      port.postMessage({ id, bound, ...state, done: false });
      if (only === "known") break;
      await breath();
      if (id !== newest) break;
    }
    if (last.best.seen && only !== "noise") keep(kept, threat.eps, last.best);
    if (id === newest && only !== "known") port.postMessage({ id, bound, ...last, done: true });
  }

  port.onmessage = ({ data }) => {
    if (data.load) encoders.set(data.load, { run: network.build(data.network, data.weights), head: data.head });
    else if (data.forget) memory.delete(data.forget);
    else {
      newest = data.id;
      if (data.x) search(data);
    }
  };
};
