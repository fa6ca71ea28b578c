// What every page does for its reader: boxes that scroll take the keyboard's focus, what does not fit is fitted (cards.js,
// formulas.js), statements and symbols are previewed on hover, focus and touch. All of it from files of the book.
"use strict";
(() => {
  const article = document.querySelector(".bd-article");
  if (!article) return;
  const all = (selector, within = article) => [...within.querySelectorAll(selector)];
  const root = document.documentElement.dataset.content_root || "";
  const phone = matchMedia("(max-width: 600px)");
  let typeset = false; // whether MathJax has drawn the formulas

  // --- Boxes that scroll ---------------------------------------------------------------------------------------------
  function focusable() {
    const boxes = all(".rt-scroll, .pst-scrollable-table-container, .rt-figure > div, mjx-container, span.math, pre");
    const wide = boxes.map((box) =>
      box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0 && getComputedStyle(box).overflowX === "auto");
    for (const [k, box] of boxes.entries()) { // all are read before any is written: one layout of the page, not hundreds
      const scrolls = wide[k];
      box.classList.toggle("rt-scrolls", scrolls);
      if (scrolls) box.tabIndex = 0;
      else if (!box.hasAttribute("role")) box.removeAttribute("tabindex");
    }
  }

  function fit(again = false) {
    window.rtTables?.(again); // cards.js
    if (typeset) window.rtFormulas?.(); // formulas.js
    focusable();
  }

  // --- Previews ------------------------------------------------------------------------------------------------------
  const preview = document.createElement("div");
  preview.className = "rt-preview";
  preview.id = "rt-preview";
  preview.setAttribute("role", "tooltip");
  preview.hidden = true;
  let owner = null, later = 0;

  const scripts = {};
  const script = (name) => (scripts[name] ??= new Promise((resolve) =>
    document.head.append(Object.assign(document.createElement("script"), {
      src: `${root}_static/${name}`, onload: resolve, onerror: resolve,
    }))));

  async function found(link) { // the statement behind a link, as an element, or null
    const url = new URL(link.href), name = decodeURIComponent(url.hash.slice(1));
    if (!name) return null;
    if (url.pathname === location.pathname) {
      const here = document.getElementById(name), box = here?.closest("div.proof, div.admonition, div.math");
      return box && box.textContent.length < 4000 ? box.cloneNode(true) : null;
    }
    await script("statements.js");
    const path = url.pathname.split("/").slice(-3);
    const key = [1, 2, 3].map((n) => path.slice(-n).join("/")).find((end) => (window.rtStatements || {})[`${end}#${name}`]);
    if (!key) return null;
    const box = document.createElement("div");
    box.innerHTML = window.rtStatements[`${key}#${name}`];
    return box.firstElementChild;
  }

  function hide() {
    clearTimeout(later);
    preview.hidden = true;
    owner?.removeAttribute("aria-describedby");
    owner = null;
  }

  async function show(target, content) {
    hide();
    owner = target;
    const box = await content(target);
    if (!box || owner !== target) return;
    for (const element of [box, ...all("[id]", box)]) element.removeAttribute("id");
    for (const part of all(".headerlink, .rt-checked, script, .toggle-button", box)) part.remove();
    preview.replaceChildren(box);
    preview.hidden = false;
    if (!box.querySelector("mjx-container")) await window.MathJax?.typesetPromise?.([preview]);
    target.setAttribute("aria-describedby", preview.id);
    const at = target.getBoundingClientRect(), size = preview.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - size.width - 8));
    const below = at.bottom + size.height + 12 < innerHeight || at.top < size.height + 12;
    preview.style.left = `${left + scrollX}px`;
    preview.style.top = `${(below ? at.bottom + 6 : at.top - size.height - 6) + scrollY}px`;
  }

  function previews(target, content) {
    const soon = () => {
      clearTimeout(later);
      if (owner !== target) later = setTimeout(() => show(target, content), 250);
    };
    const leave = () => {
      clearTimeout(later);
      later = setTimeout(() => preview.matches(":hover") || document.activeElement === target || hide(), 200);
    };
    target.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && soon());
    target.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && leave());
    target.addEventListener("focus", () => target.matches(":focus-visible") && soon());
    target.addEventListener("blur", hide);
    let pressed = 0;
    target.addEventListener("touchstart", () => { pressed = setTimeout(() => show(target, content), 400); }, { passive: true });
    for (const end of ["touchend", "touchmove", "touchcancel"])
      target.addEventListener(end, () => clearTimeout(pressed), { passive: true });
  }

  const seen = new Set(); // symbols that can be reached by keyboard: the first use of each of the page of notation

  function symbols() {
    const meaning = window.rtNotation || {};
    if (location.pathname.endsWith("/notation.html")) return;
    for (const item of window.MathJax?.startup?.document?.math || []) {
      const tex = item.math.replace(/\s+/g, ""), element = item.typesetRoot;
      if (item.display || !meaning[tex] || !element || element.closest("a, summary, table, figure, h1, h2, h3, .rt-preview, .rt-symbol")) continue;
      element.classList.add("rt-symbol");
      if (!seen.has(tex) && tex.length > 1) element.tabIndex = 0;
      seen.add(tex);
      const content = () => Object.assign(document.createElement("div"), { innerHTML: meaning[tex] });
      previews(element, content);
      element.addEventListener("click", () => show(element, content));
    }
  }

  document.body.append(preview);
  preview.addEventListener("pointerleave", hide);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("pointerdown", (event) => !preview.contains(event.target) && event.target !== owner && hide());
  const links = (within) => all("a.reference.internal[href*='#']", within).forEach((link) => previews(link, found));
  links(article);
  addEventListener("resize", () => fit());
  document.addEventListener("click", () => setTimeout(fit, 60)); // a tab or a fold shows tables that were hidden
  document.addEventListener("rt-run", ({ detail }) => { // another run is shown; its parts may be new (page_top.js)
    fit();
    (detail || []).forEach(links);
    if (detail) symbols();
  });
  if (phone.matches) fit(); // elsewhere it can wait for the formulas: it makes the browser lay out the whole page
  addEventListener("load", async () => {
    for (const button of all(".toggle-button")) { // a folded box is opened by a button of its title
      const title = button.closest(".admonition")?.querySelector(".admonition-title");
      button.setAttribute("aria-label", `Show or hide: ${title ? title.textContent.trim() : "what is folded"}`);
    }
    const notation = script("notation.js");
    await window.rtRun;
    await window.MathJax?.startup?.promise;
    typeset = true;
    await notation;
    symbols(); // what changes the text comes first: the fonts and the fit below make the browser lay out the whole page
    window.rtFormulas?.together();
    await document.fonts.ready; // a table that they widen may scroll from here on
    fit(true);
    document.documentElement.dataset.reader = "ready";
  });
})();
