// The slides of a lecture: 1280 by 720; what does not fit is made smaller until it does, and never cut off.
"use strict";
(() => {
  const WIDTH = 1280, HEIGHT = 720, SMALLEST = 0.4, STEP = 0.04;
  const printed = /print-pdf/.test(location.search);
  const slides = () => [...document.querySelectorAll(".reveal .slides > section, .reveal .pdf-page > section")];

  // Each slide is laid out, one at a time and unseen, and zoomed out in steps: the text then runs in longer lines.
  function fit(slide) {
    const before = slide.getAttribute("style") ?? "", box = slide.querySelector(".fit");
    slide.style.cssText = `${before}; display: block; width: ${WIDTH}px; height: ${HEIGHT}px`;
    const tooLarge = () => slide.scrollHeight > HEIGHT || [slide, box, ...box.querySelectorAll(".rt-scroll, div.math, mjx-container, pre")]
      .some((part) => part.scrollWidth > part.clientWidth + 1);
    for (let zoom = 1; zoom >= SMALLEST; zoom -= STEP) {
      box.style.zoom = zoom;
      box.dataset.zoom = zoom.toFixed(2);
      if (!tooLarge()) break;
    }
    box.dataset.fits = tooLarge() ? "no" : "yes";
    slide.setAttribute("style", before);
  }

  const reveal = window.lecture = new Reveal(document.querySelector(".reveal"), {
    width: WIDTH, height: HEIGHT, margin: 0.02, center: false, hash: true, slideNumber: "c/t", transition: "none",
    pdfSeparateFragments: false, plugins: [RevealNotes],
  });
  // reveal.js writes the window of the speaker's notes; their formulas come from here, and need MathJax's styles there.
  const open = window.open;
  window.open = (address, name, ...more) => {
    const opened = open.call(window, address, name, ...more);
    if (opened && name === "reveal.js - Notes") // once it is written; S may be pressed before the formulas are there
      setTimeout(() => formulas().then(() => opened.document.head.append(notesStyle(opened))));
    return opened;
  };
  function notesStyle(opened) {
    const style = opened.document.createElement("style"), rules = document.getElementById("MJX-CHTML-styles")?.sheet?.cssRules ?? [];
    style.textContent = [...rules].map((rule) => rule.cssText).join("\n")
      + "mjx-assistive-mml { width: 1px !important; }"; // for screen readers; it is clipped, but makes the notes scroll
    return style;
  }

  // Moved into its page of the print, a live figure begins anew; it says when it is drawn.
  const drawn = (frame) => new Promise((done) => {
    addEventListener("message", (event) => event.source === frame.contentWindow && event.data === "drawn" && done());
    frame.src = frame.src;
  });

  const formulas = () => window.MathJax?.startup?.promise ?? Promise.resolve();
  addEventListener("load", async () => {
    await formulas();
    await document.fonts.ready;
    slides().forEach(fit);
    const paged = new Promise((done) => reveal.on("pdf-ready", done));
    await reveal.initialize();
    document.documentElement.dataset.fitted = slides().length;
    if (!printed) return;
    await paged;
    await Promise.all([...document.querySelectorAll("iframe")].map(drawn));
    document.documentElement.dataset.printed = "yes";
  });
})();
