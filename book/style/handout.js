// The two sides of a handout: what does not fit on one is made smaller until it does.
"use strict";
addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
  for (const sheet of document.querySelectorAll(".sheet")) {
    const box = sheet.querySelector(".fit");
    const tooLarge = () => sheet.scrollHeight > sheet.clientHeight || sheet.scrollWidth > sheet.clientWidth;
    for (let zoom = 1; zoom > 0.5 && tooLarge(); zoom -= 0.02) {
      box.style.zoom = zoom;
      box.style.minHeight = "0";
      box.dataset.zoom = zoom.toFixed(2);
    }
    box.dataset.fits = tooLarge() ? "no" : "yes";
  }
  document.documentElement.dataset.fitted = "yes";
});
