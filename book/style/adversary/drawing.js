// A pad to draw a digit on: with a pointer on a bitmap of 32 x 32, or with 8 x 8 toggle buttons, each a block of 4 x 4.
"use strict";
globalThis.RT = globalThis.RT ?? {};
RT.drawing = function (digit, { pad, grid, clear, changed }) {
  const { SIDE, GRID } = digit, BRUSH = 2.1, bitmap = new Uint8Array(SIDE * SIDE), context = pad.getContext("2d");
  const buttons = Array.from({ length: GRID * GRID }, (_, k) => {
    const button = grid.appendChild(document.createElement("button")), row = Math.floor(k / GRID), column = k % GRID;
    button.type = "button";
    button.tabIndex = k ? -1 : 0; // one stop for the Tab key; the arrow keys move within
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      for (let y = 0; y < 4; y++) bitmap.fill(on ? 1 : 0, SIDE * (4 * row + y) + 4 * column, SIDE * (4 * row + y) + 4 * column + 4);
      show();
      changed();
    });
    button.addEventListener("keydown", (event) => {
      const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [0, 0];
      const inside = row + down >= 0 && row + down < GRID && column + right >= 0 && column + right < GRID;
      if (!down && !right) return;
      event.preventDefault();
      if (!inside) return;
      const next = buttons[k + GRID * down + right];
      button.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
    return button;
  });

  function show() {
    const picture = context.createImageData(SIDE, SIDE);
    bitmap.forEach((on, i) => picture.data.set([255 * on, 255 * on, 255 * on, 255], 4 * i));
    context.putImageData(picture, 0, 0);
    digit.counts(bitmap).forEach((count, k) => {
      buttons[k].setAttribute("aria-pressed", String(count >= 8));
      buttons[k].setAttribute("aria-label", `row ${Math.floor(k / GRID) + 1}, column ${(k % GRID) + 1}`);
      buttons[k].style.setProperty("--ink", count / 16);
    });
  }

  function paint(event) {
    const box = pad.getBoundingClientRect(), scale = SIDE / box.width;
    for (const { clientX, clientY } of event.getCoalescedEvents?.().concat(event) ?? [event]) {
      const [x, y] = [(clientX - box.left) * scale - 0.5, (clientY - box.top) * scale - 0.5];
      for (let i = 0; i < bitmap.length; i++) if (Math.hypot((i % SIDE) - x, Math.floor(i / SIDE) - y) <= BRUSH) bitmap[i] = 1;
    }
    show();
  }

  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    event.preventDefault();
    paint(event);
  });
  pad.addEventListener("pointermove", (event) => pad.hasPointerCapture(event.pointerId) && paint(event));
  pad.addEventListener("pointerup", changed);
  clear.addEventListener("click", () => {
    bitmap.fill(0);
    show();
    changed();
  });
  show();
  return { image: () => digit.enlarged(digit.counts(bitmap)), empty: () => !bitmap.includes(1) };
};
