// A digit as the data set's were made: a bitmap of 32 x 32, counted in blocks of 4 x 4 (0 to 16), and then as
// rt_utils/images/loading.py enlarges those 8 x 8 counts: bicubic, in Pillow's fixed-point arithmetic, onto 24 x 24 of 32 x 32.
"use strict";
globalThis.RT = globalThis.RT ?? {};
RT.digit = function () {
  const GRID = 8, INNER = 24, SIDE = 32, MARGIN = 4, ONE = 2 ** 22;

  function counts(bitmap) {
    const grid = new Uint8Array(GRID * GRID);
    bitmap.forEach((on, i) => (grid[GRID * Math.floor(i / SIDE / 4) + Math.floor((i % SIDE) / 4)] += on ? 1 : 0));
    return grid;
  }

  const cubic = (distance) => {
    const x = Math.abs(distance), a = -0.5;
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
  };

  // For each place of the enlarged line, where it begins to read and with which weights, in units of 1 / ONE.
  const taps = Array.from({ length: INNER }, (_, place) => {
    const centre = ((place + 0.5) * GRID) / INNER;
    const first = Math.max(0, Math.floor(centre - 2 + 0.5)), end = Math.min(GRID, Math.floor(centre + 2 + 0.5));
    const weights = Array.from({ length: end - first }, (_, i) => cubic(i + first - centre + 0.5));
    const sum = weights.reduce((a, b) => a + b);
    return { first, weights: weights.map((w) => Math.trunc((w / sum) * ONE + (w < 0 ? -0.5 : 0.5))) };
  });

  const byte = (sum) => Math.min(255, Math.max(0, Math.floor((sum + ONE / 2) / ONE)));
  const along = (read) => taps.map(({ first, weights }) => byte(weights.reduce((sum, w, i) => sum + w * read(first + i), 0)));

  function enlarged(grid) {
    const grey = Array.from(grid, (count) => Math.round((count / 16) * 255)), image = new Uint8Array(SIDE * SIDE);
    const rows = Array.from({ length: GRID }, (_, y) => along((x) => grey[GRID * y + x]));
    for (let x = 0; x < INNER; x++)
      along((y) => rows[y][x]).forEach((value, y) => (image[SIDE * (y + MARGIN) + x + MARGIN] = value));
    return image;
  }

  return { counts, enlarged, SIDE, GRID };
};
