// Formulas that are wider than their line are drawn a little smaller, or broken: after a sign of relation or a comma, not
// within brackets where that can be. A punctuation mark stays with the formula that it follows. MathJax does neither.
"use strict";
{
  const SMALLEST = 0.82; // of a formula's size; what cannot be broken and is wider still scrolls in its box
  const NARROW = 60; // pixels: a line of a window that is just being resized
  const RELATIONS = /^[=≠≈<>≤≥≪≫∈∉⊆→↦⟹∼,;:]$/u, BOTH = /^[=≠≈<>≤≥≪≫∈∉⊆→↦⟹∼,;:+−±∓·×∘∣-]$/u;
  const OPEN = /^[([{⟨⌊⌈]$/u, CLOSE = /^[)\]}⟩⌋⌉]$/u;
  const FOLLOWS = /^(?:[^\s–—]{1,6}(?=\s|$)|[.,;:!?)\]’”…]+)/u, LEADS = /[(\[“‘]+$/u;

  const span = (name, ...inside) => {
    const element = document.createElement("span");
    element.className = name;
    element.append(...inside);
    return element;
  };

  // The punctuation beside a formula, and what is written together with it, in one line with it.
  function keep(math) {
    const box = math.closest("span.math") ?? math;
    if (box.parentElement.classList.contains("rt-kept")) return;
    const before = box.previousSibling, after = box.nextSibling, parts = [box];
    const lead = before?.nodeType === 3 && LEADS.exec(before.data), follow = after?.nodeType === 3 && FOLLOWS.exec(after.data);
    if (!lead && !follow) return;
    const kept = span("rt-kept");
    box.before(kept);
    if (lead) {
      before.data = before.data.slice(0, lead.index);
      parts.unshift(lead[0]);
    }
    if (follow) {
      after.data = after.data.slice(follow[0].length);
      parts.push(follow[0]);
    }
    kept.append(...parts);
  }

  // What says how it is written; null where a formula is a single sign.
  function written(math) {
    let row = math.querySelector("mjx-math");
    while (row?.children.length === 1 && /^mjx-(mrow|texatom|mstyle)$/i.test(row.firstElementChild.tagName)) row = row.firstElementChild;
    return row;
  }

  // Its parts between the places where it may be broken. Nothing is changed yet.
  function parts(row, places, within) {
    const found = [[]];
    let depth = 0;
    for (const child of [...row.children].flatMap((part) => (part.classList.contains("rt-part") ? [...part.children] : [part]))) {
      const sign = child.tagName === "MJX-MO" ? signs.get(child) ?? "" : "";
      depth += OPEN.test(sign) - CLOSE.test(sign);
      found.at(-1).push(child);
      const gap = /^MJX-M(STYLE|SPACE)$/.test(child.tagName) && child.getBoundingClientRect().width > 15;
      if ((within || depth <= 0) && (gap || places.test(sign))) found.push([]);
    }
    return found.filter((part) => part.length);
  }

  // Each part in a box of its own.
  function separate(math, row, found) {
    row.replaceChildren(...found.map((part) => span("rt-part", ...part)));
    for (let part = row; part !== math; part = part.parentElement) part.classList.add("rt-row");
    math.classList.add("rt-broken");
  }

  // At ever more places, until their parts fit; returns those that have none. All are read before any is written: what is
  // read after a change makes the browser lay out the whole page.
  function broken(formulas) {
    const rows = formulas.map((formula) => ({ ...formula, row: written(formula.math), widest: Infinity }));
    const held = rows.filter(({ row }) => row);
    for (const how of [[RELATIONS], [BOTH], [BOTH, true]]) {
      const left = held.filter(({ most, widest }) => widest > most);
      const found = left.map(({ row }) => parts(row, ...how));
      left.forEach(({ math, row }, k) => separate(math, row, found[k]));
      for (const one of left) one.widest = Math.max(...[...one.row.children].map((part) => part.getBoundingClientRect().width));
    }
    return rows.filter(({ row, most, widest }) => !row || row.children.length < 2 || widest > most + 1);
  }

  const signs = new Map(); // a sign's element: what it says, which MathJax draws by style sheets alone
  function read() {
    for (const item of window.MathJax?.startup?.document?.math ?? []) {
      const drawn = item.typesetRoot?.querySelectorAll("mjx-math mjx-mo:not(mjx-surd *)") ?? []; // a root's hook is drawn alone
      const said = item.typesetRoot?.querySelectorAll("mjx-assistive-mml mo") ?? [];
      if (drawn.length === said.length) drawn.forEach((element, k) => signs.set(element, said[k].textContent));
    }
  }

  const lines = "p, li, dd, dt, td, th, figcaption, caption, h1, h2, h3, h4, summary, div";
  const shown = (math) => math.getAttribute("display") === "true";
  const room = (math) => (shown(math) ? math : math.closest(lines))?.clientWidth ?? 0;
  const width = (math) => (shown(math) ? math.scrollWidth : math.getBoundingClientRect().width);

  const own = new Map(); // the size that MathJax gave a formula, in percent of the text's
  function size(math, share) {
    if (!own.has(math)) own.set(math, parseFloat(math.style.fontSize) || 100);
    math.style.fontSize = `${own.get(math) * share}%`;
  }

  function fit() {
    const all = [...document.querySelectorAll(".bd-article mjx-container")].filter((math) => math.getClientRects().length);
    for (const math of own.keys()) // the window may have been narrower; what is broken is measured no more
      if (!math.classList.contains("rt-broken")) size(math, 1);
    const wide = all
      .filter((math) => !math.classList.contains("rt-broken"))
      .map((math) => ({ math, most: room(math), needs: width(math) }))
      .filter(({ most, needs }) => most > NARROW && needs > most + 1);
    if (wide.length) read(); // formulas of a kept run come in later
    const smaller = ({ math, most, needs }) => shown(math) && most / needs > SMALLEST;
    const kept = broken(wide.filter((one) => !smaller(one)));
    for (const { math, most, needs } of [...wide.filter(smaller), ...kept]) size(math, Math.max(SMALLEST, (0.98 * most) / needs));
  }

  const together = () => document.querySelectorAll(".bd-article mjx-container:not([display])").forEach(keep);
  window.rtFormulas = () => {
    together();
    fit();
  };
  window.rtFormulas.together = together;
}
