// Tabs: what a cell computed in this build, and what it computed in reference runs. All of a page switch together.
"use strict";
{
  const outputs = new Set([...document.querySelectorAll(".rt-reference")].map((reference) => reference.parentElement));
  const groups = [...outputs].map((output, k) => {
    const references = [...output.children].filter((child) => child.matches(".rt-reference"));
    const own = document.createElement("div"), bar = document.createElement("div");
    own.append(...[...output.children].filter((child) => !child.matches(".rt-reference, .rt-provenance")));
    bar.className = "rt-tabs";
    bar.setAttribute("role", "tablist");
    bar.setAttribute("aria-label", "Whose results are shown");
    const panels = [own, ...references];
    const names = [`This build: ${references[0].dataset.own}`, ...references.map((one) => `Reference run: ${one.dataset.run}`)];
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
      tab.addEventListener("click", () => choose(names[i], tab));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: tabs.length - 1, ArrowRight: 1 }[event.key];
        if (!step) return;
        event.preventDefault();
        event.stopPropagation(); // or the theme would turn the page
        const next = (i + step) % tabs.length;
        tabs[next].focus();
        choose(names[next], tabs[next]);
      });
      return tab;
    });
    output.prepend(bar, own);
    return { tabs, panels, names };
  });

  // A cell that a run did not keep goes on showing this build.
  function choose(name, clicked) {
    const before = clicked?.getBoundingClientRect().top;
    for (const { tabs, panels, names } of groups) {
      const which = Math.max(0, names.indexOf(name));
      tabs.forEach((tab, i) => {
        tab.setAttribute("aria-selected", String(i === which));
        tab.tabIndex = i === which ? 0 : -1;
        panels[i].hidden = i !== which;
      });
    }
    if (clicked) window.scrollBy(0, clicked.getBoundingClientRect().top - before); // the tab stays under the pointer
  }

  choose("");
}
