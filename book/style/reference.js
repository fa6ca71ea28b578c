// Tabs: what a cell computed in this build, and what it computed in the reference run. All of a page switch together.
"use strict";
{
  const groups = [...document.querySelectorAll(".rt-reference")].map((reference, k) => {
    const output = reference.parentElement, own = document.createElement("div"), bar = document.createElement("div");
    own.append(...[...output.children].filter((child) => child !== reference && !child.matches(".rt-provenance")));
    bar.className = "rt-tabs";
    bar.setAttribute("role", "tablist");
    bar.setAttribute("aria-label", "Whose results are shown");
    const panels = [own, reference], names = [`This build: ${reference.dataset.own}`, `Reference run: ${reference.dataset.run}`];
    const tabs = panels.map((panel, i) => {
      const tab = bar.appendChild(document.createElement("button"));
      tab.type = "button";
      tab.textContent = names[i];
      tab.id = `rt-tab-${k}-${i}`;
      panel.id = `rt-panel-${k}-${i}`;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      tab.addEventListener("click", () => choose(i, tab));
      tab.addEventListener("keydown", (event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        event.preventDefault();
        event.stopPropagation(); // or the theme would turn the page
        tabs[1 - i].focus();
        choose(1 - i, tabs[1 - i]);
      });
      return tab;
    });
    output.prepend(bar, own);
    return { tabs, panels };
  });

  function choose(which, clicked) {
    const before = clicked?.getBoundingClientRect().top;
    for (const { tabs, panels } of groups) {
      for (const i of [0, 1]) {
        tabs[i].setAttribute("aria-selected", String(i === which));
        tabs[i].tabIndex = i === which ? 0 : -1;
        panels[i].hidden = i !== which;
      }
    }
    if (clicked) window.scrollBy(0, clicked.getBoundingClientRect().top - before); // the tab stays under the pointer
  }

  choose(0);
}
