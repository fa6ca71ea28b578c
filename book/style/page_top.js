// The switch at a page's top: whose results every table, figure and sentence shows (?run=NAME), and whether the code
// is shown. A kept run stands in a file beside the page (book/kept_apart.py), which comes in when it is asked for.
"use strict";
{
  const inputs = [...document.querySelectorAll(".rt-runs input")], code = document.getElementById("rt-show-code");
  const parts = [...document.querySelectorAll(".rt-own, .rt-reference, [data-of-run]")];
  const names = inputs.map((input) => input.value), bar = document.querySelector(".rt-runs"), page = document.documentElement;
  const own = names[0], coming = {}, drawn = new Set();
  let asked = own; // the run that the reader chose last

  // No kept run holds what a slider moves: beside a kept run its caption says whose numbers it shows.
  const notes = [...(bar ? document.querySelectorAll(":is(.rt-what-if, .rt-sweep) figcaption") : [])].map((caption) => {
    const note = Object.assign(document.createElement("b"), { className: "rt-own-run", hidden: true });
    note.textContent = "Also beside a kept run, the slider shows this build’s own. ";
    caption.prepend(note);
    return note;
  });
  const memory = (store) => { // some browsers refuse it to a page that was opened as a file
    try {
      return window[store];
    } catch {
      return null;
    }
  };

  // What the reader looks at stays where it is while the page above it changes.
  function steadily(change) {
    const text = document.querySelector("article").getBoundingClientRect();
    const seen = document.elementFromPoint(text.left + text.width / 2, innerHeight / 3);
    const anchor = seen?.closest(".rt-own, .rt-reference, .rt-code")?.parentElement ?? seen?.closest("article *");
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (anchor?.getClientRects().length && scrollY > 0) // unless it is hidden now
      scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
  }

  function show(name) {
    for (const input of inputs) input.checked = input.value === name;
    if (page.dataset.run === name) return;
    for (const note of notes) note.hidden = name === own;
    for (const part of parts) {
      if (part.matches(".rt-own")) // where a kept run found the very same, this build's stays
        part.hidden = [...part.parentElement.children].some((other) => other.dataset.run === name);
      else part.hidden = (part.dataset.run ?? part.dataset.ofRun) !== name;
    }
    page.dataset.run = name;
    document.dispatchEvent(new CustomEvent("rt-run"));
  }

  // Ends with the places that the run's parts were put in, which stay hidden.
  function fetched(name) {
    const places = parts.filter((part) => part.dataset.run === name && part.dataset.from);
    if (!places.length) return [];
    return coming[name] ??= new Promise((resolve, reject) => {
      const { from } = places[0].dataset, src = new URL(from, location.href).href;
      document.head.append(Object.assign(document.createElement("script"), {
        src, onload: resolve, onerror: () => reject(new Error(from)),
      }));
    }).then(() => {
      places.forEach((place, number) => { place.innerHTML = window.rtKept[name][number]; });
      delete window.rtKept[name];
      return places;
    });
  }

  async function bring(name, change) {
    asked = name;
    if (!bar) return;
    let places;
    try {
      places = await fetched(name);
    } catch (error) { // the file is not there
      delete coming[name];
      if (asked !== name) return;
      show(own);
      bar.querySelector("output")?.remove();
      const said = bar.appendChild(document.createElement("output"));
      said.append(`The run ${name} could not be loaded: `, Object.assign(document.createElement("a"), {
        href: error.message.replace(/\.js.*/, ".html"), textContent: "its own page",
      }));
      return;
    }
    if (asked !== name) return; // the parts are in; they are drawn when the run is asked for again
    bar.querySelector("output")?.remove();
    change(() => show(name));
    if (drawn.has(name) || !places.length) return;
    drawn.add(name);
    await window.MathJax?.startup?.promise; // before it is there, it finds these formulas by itself
    await window.MathJax?.typesetPromise?.(places).catch(console.error);
    document.dispatchEvent(new CustomEvent("rt-run", { detail: places }));
  }

  function target() {
    try {
      return document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch {
      return null; // what follows # is no text that was encoded, as in #100%
    }
  }

  function wanted() {
    const linked = target()?.closest(".rt-reference")?.dataset.run;
    const runs = [new URLSearchParams(location.search).get("run"), linked, memory("sessionStorage")?.getItem("rt-run")];
    return runs.find((name) => names.includes(name)) ?? own;
  }

  function choose(name) {
    for (const input of inputs) input.checked = input.value === name;
    memory("sessionStorage")?.setItem("rt-run", name);
    const address = new URL(location.href);
    address.searchParams.set("run", name);
    try {
      history.replaceState(history.state, "", address);
    } catch {} // the address stays as it was; the choice is kept for the session
    return bring(name, steadily);
  }

  if (inputs.length) {
    page.classList.add("rt-switched");
    bar.hidden = false;
    show(own);
    // reader.js waits for this
    window.rtRun = bring(wanted(), (shown) => {
      shown();
      if (asked !== own) target()?.scrollIntoView();
    });
    addEventListener("pageshow", () => bring(wanted(), (shown) => shown())); // after Back the inputs may be others
    for (const input of inputs) input.addEventListener("change", () => choose(input.value));
  }
  if (code) {
    const restore = () => (code.checked = memory("localStorage")?.getItem("rt-show-code") === "yes");
    restore();
    addEventListener("pageshow", restore);
    code.addEventListener("click", () => {
      const now = code.checked;
      code.checked = !now; // undone and done again, so that the places before and after can be measured
      steadily(() => (code.checked = now));
      memory("localStorage")?.setItem("rt-show-code", now ? "yes" : "no");
    });
  }
  for (const input of [...inputs, ...(code ? [code] : [])])
    input.addEventListener("keydown", (event) => event.stopPropagation()); // the theme turns pages with the arrow keys
}
