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

  // Its parts between the places where it may be broken, each in a box of its own.
  function broken(math, row, places, within) {
    const parts = [[]];
    let depth = 0;
    for (const child of [...row.children].flatMap((part) => (part.classList.contains("rt-part") ? [...part.children] : [part]))) {
      const sign = child.tagName === "MJX-MO" ? signs.get(child) ?? "" : "";
      depth += OPEN.test(sign) - CLOSE.test(sign);
      parts.at(-1).push(child);
      const gap = /^MJX-M(STYLE|SPACE)$/.test(child.tagName) && child.getBoundingClientRect().width > 15;
      if ((within || depth <= 0) && (gap || places.test(sign))) parts.push([]);
    }
    row.replaceChildren(...parts.filter((part) => part.length).map((part) => span("rt-part", ...part)));
    for (let part = row; part !== math; part = part.parentElement) part.classList.add("rt-row");
    math.classList.add("rt-broken");
    return [...row.children];
  }

  // At ever more places, until its parts fit; false where it has none.
  function parted(math, most) {
    let row = math.querySelector("mjx-math"), parts = [];
    while (row?.children.length === 1 && /^mjx-(mrow|texatom|mstyle)$/i.test(row.firstElementChild.tagName)) row = row.firstElementChild;
    for (const how of row ? [[RELATIONS], [BOTH], [BOTH, true]] : []) {
      parts = broken(math, row, ...how);
      if (parts.every((part) => part.getBoundingClientRect().width <= most)) break;
    }
    return parts.length > 1 && parts.every((part) => part.getBoundingClientRect().width <= most + 1);
  }

  const signs = new Map(); // a sign's element: what it says, which MathJax draws by style sheets alone
  function read() {
    for (const item of window.MathJax?.startup?.document?.math ?? []) {
      const drawn = item.typesetRoot?.querySelectorAll("mjx-math mjx-mo") ?? [];
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
    const wide = all.filter((math) => room(math) > NARROW && width(math) > room(math) + 1 && !math.classList.contains("rt-broken"));
    if (wide.length) read(); // formulas of a kept run come in later
    for (const math of wide) {
      const share = room(math) / width(math);
      if ((shown(math) && share > SMALLEST) || !parted(math, room(math))) size(math, Math.max(SMALLEST, 0.98 * share));
    }
  }

  window.rtFormulas = () => {
    document.querySelectorAll(".bd-article mjx-container:not([display])").forEach(keep);
    fit();
  };
}
