// The page: what the reader chose, the search that runs for it, and what is shown of it. The state is in the address:
// ?image=13&eps=8&encoder=robust&norm=linf&steps=20&attack=1 (eps in 1/255 for linf, in pixels of [0, 1] for l2).
"use strict";
for (const root of document.querySelectorAll("[data-adversary]")) {
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const chosen = (name) => root.querySelector(`input[name="${name}"]:checked`)?.value;
  const theory = RT.theory(), words = RT.words(), digit = RT.digit(), pictures = RT.pictures(part, words);
  const plane = RT.plane(theory, part("plane"));
  const SLIDER = { linf: { max: 32, unit: 1 / 255, address: 1 }, l2: { max: 40, unit: 0.05, address: 0.05 } };
  const HARDER = { restarts: 5, steps: 12, refine: 60 }, { images, labels, encoders } = RT.data.digits;
  const here = document.querySelector("script[src*='adversary/main.js']").src.replace(/main\.js.*$/, "");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const grey = bytes(images), loads = new Map(), verdicts = new Map();
  const asImage = (levels) => Float64Array.from({ length: 3072 }, (_, i) => levels[i % 1024] / 255);
  let attacked = false, sweeping = false, newest = 0, timer = 0, drawn = 0, job = null, last = null;

  const source = ["theory", "network", "attack", "intervals", "work"].map((name) => `RT.${name} = ${RT[name]};`).join("\n");
  const program = `"use strict"; const RT = {};\n${source}\nconst network = RT.network();
    RT.work(network, RT.attack(RT.theory()), RT.intervals(network), self);`;
  const worker = new Worker(URL.createObjectURL(new Blob([program], { type: "text/javascript" })));

  // An encoder travels as a script, because fetch fails from a file; the first is loaded at once, the others when asked.
  function load(name) {
    if (!loads.has(name))
      loads.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `${here}${name}.js`;
        script.onerror = () => reject(new Error(`the encoder ${name} could not be loaded`));
        script.onload = () => {
          const { network, ...head } = RT.data[name];
          const weights = new Float32Array(bytes(network.weights).buffer);
          worker.postMessage({ load: name, network: { steps: network.steps }, weights, head }, [weights.buffer]);
          resolve(head);
        };
        document.head.append(script);
      }));
    return loads.get(name);
  }

  const drawing = RT.drawing(digit, {
    pad: part("pad"), grid: part("grid"), clear: part("clear"),
    changed() {
      drawn += 1;
      root.querySelector("input[value=drawing]").checked = true;
      choose();
    },
  });

  const state = () => {
    const norm = chosen("adversary-norm"), at = Number(part("eps").value);
    const image = chosen("adversary-image"), own = image === "drawing", k = Number(image);
    return {
      image, own, at, encoder: chosen("adversary-encoder"), steps: Number(part("steps").value),
      threat: { norm, eps: at * SLIDER[norm].unit }, label: own ? null : labels[k],
      x: asImage(own ? drawing.image() : grey.subarray(1024 * k, 1024 * (k + 1))),
    };
  };
  const subject = (s) => [s.own ? `drawing ${drawn}` : s.image, s.encoder, s.threat.norm, s.steps].join(" ");

  function remember(s) {
    const eps = Number((s.at * SLIDER[s.threat.norm].address).toFixed(2));
    const values = { image: s.image, eps, encoder: s.encoder, norm: s.threat.norm, steps: s.steps, ...(attacked ? { attack: 1 } : {}) };
    try {
      history.replaceState(history.state, "", `?${new URLSearchParams(values)}`);
    } catch {} // a browser that forbids it for files keeps the old address
  }

  function recall() {
    const asked = new URLSearchParams(location.search);
    const check = (name, value) => {
      const input = root.querySelector(`input[name="${name}"][value="${CSS.escape(value ?? "")}"]`);
      if (input) input.checked = true;
    };
    check("adversary-norm", asked.get("norm"));
    check("adversary-encoder", asked.get("encoder"));
    if (asked.get("image") !== "drawing") check("adversary-image", asked.get("image"));
    if ([...part("steps").options].some(({ value }) => value === asked.get("steps"))) part("steps").value = asked.get("steps");
    const { max, address } = SLIDER[chosen("adversary-norm")];
    part("eps").max = max;
    const eps = Number(asked.get("eps") ?? NaN);
    if (Number.isFinite(eps)) part("eps").value = Math.round(eps / address);
    attacked = asked.get("attack") === "1";
  }

  const cells = Array.from({ length: SLIDER.l2.max + 1 }, () => part("strip").appendChild(document.createElement("span")));

  function strip(s) {
    if (!verdicts.has(subject(s))) verdicts.set(subject(s), new Map());
    cells.forEach((cell, k) => (cell.hidden = k > SLIDER[s.threat.norm].max));
    part("strip").style.setProperty("--cells", SLIDER[s.threat.norm].max);
    pictures.strip(cells.slice(0, SLIDER[s.threat.norm].max + 1), verdicts.get(subject(s)), s.at);
  }

  // Everything but the result of a search.
  function controls(s) {
    const text = words.radius(s.threat);
    part("eps-value").textContent = text;
    part("eps").setAttribute("aria-valuetext", text);
    part("note").hidden = !s.own;
    part("legend-proved").hidden = s.encoder !== "certified";
    remember(s);
    strip(s);
  }

  function say([title, text], kind) {
    part("verdict").dataset.verdict = kind;
    part("title").textContent = title;
    part("text").textContent = text;
  }

  function show({ s, head, clean, best, bound, part: share, done, prefix = "" }) {
    const moved = !attacked ? s.x : best.flipped ? best.worst : best.image;
    const seen = attacked ? best : { ...best, shift: 0, subspace: 0, lossGap: 0, flipped: false, to: clean.predicted, z: clean.z };
    const { largest, times } = pictures.three(s.x, moved), to = theory.largest(theory.logits(head, attacked && best.flipped ? best.zWorst : seen.z));
    const right = s.label === null || s.label === clean.predicted ? "" : ` (in truth ${s.label})`;
    part("read").textContent = `read as ${clean.predicted}${right}`;
    part("read-perturbed").textContent = `read as ${to}`;
    const size = s.threat.norm === "linf" ? `largest change ${(255 * largest).toFixed(0)}/255` : `length ${theory.length(theory.minus(moved, s.x)).toFixed(2)}`;
    part("clean").setAttribute("aria-label", `${s.own ? "your drawing" : `test digit ${s.image}`}, read as ${clean.predicted}`);
    part("perturbed").setAttribute("aria-label", `perturbed image, read as ${to}, ${size}`);
    part("delta").setAttribute("aria-label", `the perturbation, magnified ${times} times`);
    pictures.bars(clean, seen, head.factor, bound);
    plane.draw(head, clean, seen, words.shown);
    plane.features(clean, seen, part);
    const kind = theory.verdict(clean, seen, bound);
    if (!attacked) return say(words.waiting(clean), "waiting");
    if (!done) return say(words.searching(seen, share), "searching");
    const [title, text] = s.at === 0 ? words.still(clean) : words.verdict(kind, clean, seen, bound);
    say([title, prefix + text], s.at === 0 ? "still" : kind);
    root.dataset.finished = "";
    part("said").textContent = `${title}. ${prefix}${text}`; // only what is finished is announced
  }

  async function ask(s, settings, only, prefix = "") {
    const id = ++newest;
    delete root.dataset.finished;
    worker.postMessage({ id }); // whatever runs is out of date
    let head;
    try {
      head = await load(s.encoder);
    } catch (error) {
      return say(["Not loaded", error.message], "mistake");
    }
    if (id !== newest) return;
    job = { id, s, head, prefix, only };
    plane.clear();
    worker.postMessage({ id, encoder: s.encoder, key: subject(s), x: s.x, threat: s.threat, only, settings: { label: s.label, ...settings } });
  }

  worker.onmessage = ({ data }) => {
    if (data.id !== job?.id) return;
    if (data.at) plane.step(data.at.z);
    const { s } = job;
    last = { ...job, ...data, prefix: typeof job.prefix === "function" ? job.prefix(data.best) : job.prefix };
    if (data.done && attacked && s.at && job.only !== "noise") verdicts.get(subject(s)).set(s.at, theory.verdict(data.clean, data.best, data.bound));
    if (data.done) strip(s);
    if ((data.done && sweeping) || (parent !== window && (data.done || !attacked))) {
      show(last); // at once: in the next frame the search at the next radius runs; a slide out of sight, in print, has no frames
      if (sweeping) onward();
      parent.postMessage("drawn", "*"); // what prints the slides waits for it
    } else if (data.done || !attacked || !calm.matches) requestAnimationFrame(() => data.id === newest && last.id === data.id && show(last));
    else say(["Searching", "The result follows."], "searching");
  };

  const plain = (s) => ({ steps: s.steps });

  // After any choice: at once what is known, fitted to the new radius; then, if an attack is on, a search.
  function choose(wait = 150) {
    sweeping = false;
    clearTimeout(timer);
    const s = state();
    controls(s);
    ask(s, plain(s), "known");
    if (attacked) timer = setTimeout(() => ask(s, plain(s)), wait);
  }

  function begin(settings, prefix) {
    sweeping = false;
    clearTimeout(timer);
    attacked = true;
    const s = state();
    controls(s);
    ask(s, { ...plain(s), ...settings }, settings?.noise ? "noise" : undefined, prefix);
  }

  function onward() {
    const eps = part("eps");
    if (Number(eps.value) >= Number(eps.max)) return (sweeping = false);
    eps.value = Number(eps.value) + 1;
    const s = state();
    controls(s);
    ask(s, plain(s));
  }

  part("attack").addEventListener("click", () => begin());
  part("noise").addEventListener("click", () => begin({ noise: true, steps: 0, seed: Date.now() }, "Random noise of this size, no attack. "));
  part("harder").addEventListener("click", () => {
    const before = last && attacked && last.s && subject(last.s) === subject(state()) && last.s.at === state().at ? last.best.shift : 0;
    begin({ ...HARDER, seed: 1 }, before ? (best) => words.gained(before, best.shift) : "");
  });
  part("every").addEventListener("click", () => {
    attacked = true;
    part("eps").value = 0;
    sweeping = true;
    onward();
  });
  part("reset").addEventListener("click", () => {
    attacked = false;
    verdicts.delete(subject(state()));
    worker.postMessage({ forget: subject(state()) });
    choose();
  });
  part("link").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      part("said").textContent = part("link").textContent = "Link copied";
    } catch {
      part("said").textContent = "The link is in the address bar.";
    }
    setTimeout(() => (part("link").textContent = "Copy link"), 2000);
  });
  for (const input of root.querySelectorAll("input[name='adversary-norm']"))
    input.addEventListener("change", () => {
      const { max, unit } = SLIDER[input.value], old = SLIDER[input.value === "l2" ? "linf" : "l2"];
      const eps = Number(part("eps").value) * old.unit; // of the same length: a sign in each of 3072 numbers has sqrt(3072) eps
      const same = (input.value === "l2" ? eps * Math.sqrt(3072) : eps / Math.sqrt(3072)) / unit;
      part("eps").max = max;
      part("eps").value = Math.min(max, Math.max(1, Math.round(same)));
    });
  for (const input of root.querySelectorAll("input, select"))
    input.addEventListener(input.type === "range" ? "input" : "change", () => choose());
  root.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && event.stopPropagation()); // or the theme turns pages
  addEventListener("pageshow", (event) => event.persisted && choose()); // after Back, controls and drawing agree

  root.querySelectorAll("canvas[data-example]").forEach((canvas) => {
    const k = Number(canvas.dataset.example);
    pictures.image(canvas, asImage(grey.subarray(1024 * k, 1024 * (k + 1))));
  });
  for (const input of root.querySelectorAll("input[name='adversary-encoder']"))
    if (!encoders.includes(input.value)) input.closest("label").remove();
  recall();
  root.dataset.ready = "";
  choose(0);
}
