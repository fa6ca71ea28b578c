// On a phone a table that is too wide for it becomes cards: a card a row, its cells under each other, each with its column's
// head. Of a long table that a chapter computed the first cards are made; the others when a reader asks for them.
"use strict";
{
  const FIRST = 6, LONG = 10; // of more than LONG rows FIRST are shown
  const phone = matchMedia("(max-width: 600px)");
  const all = (selector, within) => [...within.querySelectorAll(selector)];

  function heads(table) {
    const rows = all("thead tr", table), last = rows.at(-1);
    const columns = last && [...last.cells].every((cell) => cell.colSpan === 1) ? [...last.cells] : [];
    return all("tbody tr", table).every((row) => row.cells.length === columns.length) ? columns : [];
  }

  function card(row, columns) {
    [...row.cells].forEach((cell, column) => {
      cell.classList.toggle("rt-first", !column);
      cell.classList.toggle("rt-empty", !cell.textContent.trim() && !cell.querySelector("img, svg, input"));
      cell.classList.toggle("rt-long", column > 0 && cell.textContent.trim().length > 24);
      if (!column || !columns[column].textContent.trim()) return;
      const label = document.createElement("span");
      label.className = "rt-card-label";
      label.setAttribute("aria-hidden", "true"); // a reader of the screen says the column's head
      label.append(...[...columns[column].childNodes].map((node) => node.cloneNode(true)));
      const value = document.createElement("span");
      value.append(...cell.childNodes);
      cell.append(label, value);
    });
  }

  // Rows from FIRST on become cards when asked for; until then they are shown where the table is drawn as one.
  function rest(table, rows, columns) {
    if (!table.classList.contains("rt-table") || rows.length <= LONG || table.querySelector("tbody [id], tbody input")) return [];
    const later = rows.slice(FIRST), button = document.createElement("button");
    for (const row of later) row.classList.add("rt-later");
    table.setAttribute("aria-rowcount", table.rows.length);
    button.type = "button";
    button.className = "rt-more";
    button.textContent = `Show all ${rows.length} rows`;
    button.addEventListener("click", () => {
      for (const row of later) {
        card(row, columns);
        row.classList.remove("rt-later");
      }
      button.remove();
      later[0].cells[0].tabIndex = -1; // where the reader goes on
      later[0].cells[0].focus({ preventScroll: true });
    });
    table.after(button);
    return later;
  }

  function cards(table) {
    if (table.dataset.cards) return true;
    const columns = table.classList.contains("rt-sheet") ? [] : heads(table), rows = all("tbody tr", table);
    if (columns.length < 3) return false;
    table.dataset.cards = "made";
    const later = new Set(rest(table, rows, columns));
    for (const row of rows) if (!later.has(row)) card(row, columns);
    for (const part of all("thead, tbody", table)) part.setAttribute("role", "rowgroup");
    for (const row of all("tr", table)) {
      row.setAttribute("role", "row");
      [...row.cells].forEach((cell, column) => {
        cell.setAttribute("role", cell.closest("thead") ? "columnheader" : "cell");
        cell.setAttribute("aria-colindex", column + 1); // an empty one is not shown
      });
    }
    return true;
  }

  const measured = new Map(); // a table: the width of its box when it was last asked whether it fits

  window.rtTables = (again = false) => {
    const found = all(".bd-article table", document).filter((table) => again || measured.get(table) !== table.parentElement.clientWidth);
    const at = scrollY; // without its cards the page may be too short for where the reader is
    for (const table of found) table.classList.remove("rt-cards");
    const wide = found.filter((table) => {
      const { clientWidth } = table.parentElement;
      measured.set(table, clientWidth);
      return phone.matches && clientWidth > 0 && table.scrollWidth > clientWidth + 1;
    });
    for (const table of wide) if (cards(table)) table.classList.add("rt-cards");
    if (wide.length && scrollY !== at) scrollTo({ top: at, behavior: "instant" });
  };
  addEventListener("beforeprint", () => all(".rt-more", document).forEach((button) => button.click()));
}
