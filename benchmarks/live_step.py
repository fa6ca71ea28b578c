"""One step of the attack in the reader's browser, against the same step in plain, untyped JavaScript, in one run.

Run: python benchmarks/live_step.py [ROUNDS]. Needs Chromium. A step is one pass forward and one backward of the robust
encoder at one digit. Both versions are timed in turn, in one page; printed are the medians and their ratio.
"""

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from rt_utils.pages import live_adversary

SCRIPTS = Path(__file__).resolve().parent.parent / "book" / "style" / "adversary"
# Plain arrays, channel by channel, loops in the formula's order, every edge asked for: how one would first write it.
PLAIN = r"""
function plain({ steps }, weights) {
  const shapes = [[3, 32, 32]], all = Array.from(weights), layers = [];
  let read = 0, values = [];
  for (const step of steps) {
    const [c, h, w] = shapes[step.input], layer = { ...step, shape: [c, h, w] };
    if (step.op === "conv") {
      const reach = (n) => Math.floor((n + 2 * step.padding - step.kernel) / step.stride) + 1;
      layer.out = [step.outputs, reach(h), reach(w)];
      layer.weight = all.slice(read, (read += step.outputs * c * step.kernel ** 2));
      layer.bias = all.slice(read, (read += step.outputs));
    } else layer.out = step.op === "mean" ? [c, 1, 1] : [c, h, w];
    layers.push(layer);
    shapes.push(layer.out);
  }
  const zeros = ([c, h, w]) => Array(c * h * w).fill(0);

  function convolved({ shape, out, weight, bias, kernel, stride, padding }, x) {
    const [inputs, h, w] = shape, [outputs, height, width] = out;
    const y = [];
    for (let o = 0; o < outputs; o++)
      for (let r = 0; r < height; r++)
        for (let s = 0; s < width; s++) {
          let sum = bias[o];
          for (let c = 0; c < inputs; c++)
            for (let i = 0; i < kernel; i++)
              for (let j = 0; j < kernel; j++) {
                const v = r * stride + i - padding, u = s * stride + j - padding;
                if (v < 0 || v >= h || u < 0 || u >= w) continue;
                sum += weight[((o * inputs + c) * kernel + i) * kernel + j] * x[(c * h + v) * w + u];
              }
          y.push(sum);
        }
    return y;
  }

  function back({ shape, out, weight, kernel, stride, padding }, slopes, into) {
    const [inputs, h, w] = shape, [outputs, height, width] = out;
    for (let o = 0; o < outputs; o++)
      for (let r = 0; r < height; r++)
        for (let s = 0; s < width; s++) {
          const slope = slopes[(o * height + r) * width + s];
          if (slope === 0) continue;
          for (let c = 0; c < inputs; c++)
            for (let i = 0; i < kernel; i++)
              for (let j = 0; j < kernel; j++) {
                const v = r * stride + i - padding, u = s * stride + j - padding;
                if (v < 0 || v >= h || u < 0 || u >= w) continue;
                into[(c * h + v) * w + u] += slope * weight[((o * inputs + c) * kernel + i) * kernel + j];
              }
        }
  }

  return {
    forward(image) {
      values = [image];
      for (const layer of layers) {
        const x = values[layer.input], [channels, h, w] = layer.shape, area = h * w;
        let y;
        if (layer.op === "scale") y = x.map((value) => (value - layer.centre) * layer.factor);
        else if (layer.op === "mean") {
          y = [];
          for (let c = 0; c < channels; c++) y.push(x.slice(c * area, c * area + area).reduce((a, b) => a + b) / area);
        } else {
          y = convolved(layer, x);
          if (layer.add !== null) y = y.map((value, i) => value + values[layer.add][i]);
          if (layer.relu) y = y.map((value) => Math.max(0, value));
        }
        values.push(y);
      }
      return values.at(-1);
    },
    backward(last) {
      const slopes = shapes.map(zeros);
      slopes[layers.length] = last;
      for (let k = layers.length - 1; k >= 0; k--) {
        const layer = layers[k], into = slopes[layer.input], area = layer.shape[1] * layer.shape[2];
        let own = slopes[k + 1];
        if (layer.op === "scale") own.forEach((value, i) => (into[i] += value * layer.factor));
        else if (layer.op === "mean") into.forEach((_, i) => (into[i] += own[Math.floor(i / area)] / area));
        else {
          if (layer.relu) own = own.map((value, i) => (values[k + 1][i] > 0 ? value : 0));
          if (layer.add !== null) own.forEach((value, i) => (slopes[layer.add][i] += value));
          back(layer, own, into);
        }
      }
      return slopes[0];
    },
  };
}
"""
MEASURE = r"""
(rounds) => {
  const data = RT.data.robust, bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const weights = new Float32Array(bytes(data.network.weights).buffer), grey = bytes(RT.data.digits.images);
  const x = Float64Array.from({ length: 3072 }, (_, i) => grey[i % 1024] / 255);
  const image = Array.from(x);
  const typed = RT.network().build(data.network, weights), untyped = plain(data.network, weights);
  const slopes = Float64Array.from({ length: typed.width }, (_, i) => (i % 2 ? 1 : -1));
  const versions = [
    () => [typed.forward(x), typed.backward(slopes)],
    () => [untyped.forward(image), untyped.backward([...slopes])],
  ];
  const [ours, theirs] = versions.map((step) => step());
  const apart = Math.max(...[0, 1].flatMap((k) => theirs[k].map((value, i) => Math.abs(value - ours[k][i]))));
  const times = versions.map(() => []);
  for (let round = 0; round < rounds + 5; round++) // the first five warm up
    versions.forEach((step, k) => {
      const before = performance.now();
      step();
      if (round >= 5) times[k].push(performance.now() - before);
    });
  return { apart, times };
}
"""


def main() -> None:
    """Print both medians in ms and their ratio."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        live_adversary.write(Path(folder), ["embedded/robust"])
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        for path in (SCRIPTS / "network.js", Path(folder) / "digits.js", Path(folder) / "robust.js"):
            page.add_script_tag(content=path.read_text("utf-8"))
        page.add_script_tag(content=PLAIN)
        found = page.evaluate(MEASURE, rounds)
        browser.close()
    if found["apart"] > 1e-9:
        raise SystemExit(f"the two versions differ by {found['apart']:.2g}")
    typed, untyped = (statistics.median(times) for times in found["times"])
    print(f"one step: {typed:.1f} ms; plain and untyped: {untyped:.1f} ms; ratio {typed / untyped:.3f}")


if __name__ == "__main__":
    main()
