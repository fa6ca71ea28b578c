// The switch at a page's top: whose results every table, figure and sentence shows (?run=NAME), and whether the code
// is shown. Without this script the runs stand one below the other, and the box for the code still works.
"use strict";
{
  const inputs = [...document.querySelectorAll(".rt-runs input")], code = document.getElementById("rt-show-code");
  const parts = [...document.querySelectorAll(".rt-own, .rt-reference, [data-of-run]")];
  const names = inputs.map((input) => input.value);
  const own = names[0];
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
    for (const part of parts) {
      if (part.matches(".rt-own")) // where a kept run found the very same, this build's stays
        part.hidden = [...part.parentElement.children].some((other) => other.dataset.run === name);
      else part.hidden = (part.dataset.run ?? part.dataset.ofRun) !== name;
    }
    for (const input of inputs) input.checked = input.value === name;
  }

  function wanted() {
    const asked = [new URLSearchParams(location.search).get("run"), memory("sessionStorage")?.getItem("rt-run")];
    return asked.find((name) => names.includes(name)) ?? own;
  }

  function choose(name) {
    steadily(() => show(name));
    memory("sessionStorage")?.setItem("rt-run", name);
    const address = new URL(location.href);
    address.searchParams.set("run", name);
    try {
      history.replaceState(history.state, "", address);
    } catch {} // the address stays as it was; the choice is kept for the session
  }

  if (inputs.length) {
    document.documentElement.classList.add("rt-switched");
    document.querySelector(".rt-runs").hidden = false;
    show(wanted());
    addEventListener("pageshow", () => show(wanted())); // after Back a browser may restore another state of the inputs
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
