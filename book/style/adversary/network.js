// An encoder in the reader's browser: forward to features, backward to pixels, over typed arrays.
// Its steps and weights come from rt_utils/pages/live_network.py. One image at a time; all numbers are float64.
//
// An array of c channels, h rows and w columns lies channel by channel within a pixel, the channels filled up to a
// multiple of 4, with BORDER pixels of zeros around it. So a convolution reads no index twice and asks for no edge: for
// one output, each row of its kernel is one contiguous run of numbers, in the input and in the weights alike.
"use strict";
globalThis.RT = globalThis.RT ?? {};
RT.network = function () {
  const BORDER = 2, LANES = 4;

  function plane(channels, height, width) {
    const lanes = Math.ceil(channels / LANES) * LANES, pixels = (height + 2 * BORDER) * (width + 2 * BORDER);
    const row = (width + 2 * BORDER) * lanes;
    return {
      channels, lanes, height, width, row,
      values: new Float64Array(pixels * lanes), slopes: new Float64Array(pixels * lanes),
      at: (y, x) => (y + BORDER) * row + (x + BORDER) * lanes, // where the pixel's first channel is
    };
  }

  // The one loop that everything is spent in: output += kernel * input, for a block of 2 pixels and 4 channels at once,
  // so that every number that was read is used two or four times.
  //   from, fromRow, fromStep: the input's first index, and the distances of the next row and pixel of the output
  //   to, toRow, toStep: the same in the output; inputRow: the distance of two rows of the input
  //   weight: outputs x kernelRows x run, run numbers being one row of the kernel
  function correlate(input, output, weight, p) {
    const { height, width, outputs, kernelRows, run, inputRow, fromStep, toStep } = p, size = kernelRows * run;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x += 2) {
        const single = x + 1 === width, near = p.from + y * p.fromRow + x * fromStep, out = p.to + y * p.toRow + x * toStep;
        const apart = single ? 0 : fromStep;
        for (let o = 0; o < outputs; o += 4) {
          let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
          for (let k = 0; k < kernelRows; k++) {
            let i = near + k * inputRow, w0 = o * size + k * run, w1 = w0 + size, w2 = w1 + size, w3 = w2 + size;
            for (const end = i + run; i < end; i++) {
              const a = input[i], b = input[i + apart];
              let w = weight[w0++];
              a0 += a * w;
              b0 += b * w;
              w = weight[w1++];
              a1 += a * w;
              b1 += b * w;
              w = weight[w2++];
              a2 += a * w;
              b2 += b * w;
              w = weight[w3++];
              a3 += a * w;
              b3 += b * w;
            }
          }
          const t = out + o;
          output[t] += a0;
          output[t + 1] += a1;
          output[t + 2] += a2;
          output[t + 3] += a3;
          if (single) continue;
          output[t + toStep] += b0;
          output[t + toStep + 1] += b1;
          output[t + toStep + 2] += b2;
          output[t + toStep + 3] += b3;
        }
      }
    }
  }

  // Weights in the order in which `correlate` reads them: rows x columns of `taps`, each [ky, kx] of the kernel.
  function ordered(weights, { inputs, outputs, kernel }, rows, columns, turned) {
    const from = turned ? outputs : inputs, to = turned ? inputs : outputs;
    const lanes = Math.ceil(from / LANES) * LANES, run = columns.length * lanes;
    const result = new Float64Array(Math.ceil(to / LANES) * LANES * rows.length * run);
    for (let t = 0; t < to; t++)
      rows.forEach((ky, i) => columns.forEach((kx, j) => {
        for (let f = 0; f < from; f++) {
          const [o, c] = turned ? [f, t] : [t, f];
          result[(t * rows.length + i) * run + j * lanes + f] = weights[((o * inputs + c) * kernel + ky) * kernel + kx];
        }
      }));
    return result;
  }

  // Along one axis: the inputs of one remainder modulo the stride, the taps that reach them, the first output they meet.
  function phases({ kernel, stride, padding }, size) {
    const result = [];
    for (let first = 0; first < stride; first++) {
      const taps = [];
      for (let k = kernel - 1; k >= 0; k--) if ((first + padding - k) % stride === 0) taps.push(k);
      const count = Math.ceil((size - first) / stride);
      if (taps.length && count > 0) result.push({ first, taps, count, meets: (first + padding - taps[0]) / stride });
    }
    return result;
  }

  function convolution(step, input, add, weights, bias) {
    const { kernel, stride, padding, outputs, relu } = step;
    const reach = (size) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
    const output = plane(outputs, reach(input.height), reach(input.width));
    if (padding > BORDER) throw new Error(`a padding of ${padding} is more than ${BORDER}`);
    const all = Array.from({ length: kernel }, (_, k) => k), forwards = ordered(weights, step, all, all, false);
    const forward = {
      height: output.height, width: output.width, outputs: output.lanes, kernelRows: kernel, run: kernel * input.lanes,
      inputRow: input.row, from: input.at(-padding, -padding), fromRow: stride * input.row, fromStep: stride * input.lanes,
      to: output.at(0, 0), toRow: output.row, toStep: output.lanes,
    };
    const backward = [];
    for (const row of phases(step, input.height)) {
      for (const column of phases(step, input.width)) {
        const beyond = (phase, size) => Math.max(-phase.meets, phase.meets + phase.count + phase.taps.length - 1 - size);
        const wide = Math.max(beyond(row, output.height), beyond(column, output.width)) > BORDER;
        backward.push({
          wide, weight: ordered(weights, step, row.taps, column.taps, true),
          height: row.count, width: column.count, outputs: input.lanes, kernelRows: row.taps.length,
          run: column.taps.length * output.lanes, inputRow: output.row,
          from: output.at(row.meets, column.meets), fromRow: output.row, fromStep: output.lanes,
          to: input.at(row.first, column.first), toRow: stride * input.row, toStep: stride * input.lanes,
        });
      }
    }
    // A layer onto one pixel meets every input once: no window that could leave the border.
    const onePixel = output.height === 1 && output.width === 1 && kernel === input.height && !padding;
    if (backward.some((part) => part.wide) && !onePixel) throw new Error("a kernel is too large for the border");

    function spread() { // onePixel: each output's slope times its weights, row by row
      for (let o = 0; o < outputs; o++) {
        const slope = output.slopes[output.at(0, 0) + o];
        if (slope === 0) continue;
        for (let k = 0; k < kernel; k++) {
          const to = input.at(k, 0), from = (o * kernel + k) * forward.run;
          for (let i = 0; i < forward.run; i++) input.slopes[to + i] += slope * forwards[from + i];
        }
      }
    }

    function affine(adding) { // the convolution, and what is added to it
      const { values } = output;
      for (let y = 0; y < output.height; y++) {
        for (let x = 0, t = output.at(y, 0); x < output.width; x++, t += output.lanes) {
          const f = adding ? add.at(y, x) : 0;
          for (let o = 0; o < outputs; o++) values[t + o] = bias[o] + (adding ? add.values[f + o] : 0);
        }
      }
      correlate(input.values, values, forwards, forward);
      return values;
    }

    return {
      step, input, output, add, forwards, plan: forward, affine,
      forward() {
        const values = affine(add !== null);
        if (relu) for (let i = 0; i < values.length; i++) if (values[i] < 0) values[i] = 0;
      },
      backward() {
        const { values, slopes } = output;
        if (relu) for (let i = 0; i < values.length; i++) if (!(values[i] > 0)) slopes[i] = 0;
        if (add) for (let i = 0; i < slopes.length; i++) add.slopes[i] += slopes[i]; // of the same shape
        if (onePixel) spread();
        else for (const part of backward) correlate(slopes, input.slopes, part.weight, part);
      },
    };
  }

  function scale({ centre, factor, grey }, input) {
    const output = plane(grey ? 1 : input.channels, input.height, input.width);
    const each = (visit) => {
      for (let y = 0; y < input.height; y++) for (let x = 0; x < input.width; x++) visit(input.at(y, x), output.at(y, x));
    };
    return {
      input, output,
      forward: () => each((i, o) => {
        if (grey) output.values[o] = ((input.values[i] + input.values[i + 1] + input.values[i + 2]) / 3 - centre) * factor;
        else for (let c = 0; c < input.channels; c++) output.values[o + c] = (input.values[i + c] - centre) * factor;
      }),
      backward: () => each((i, o) => {
        for (let c = 0; c < input.channels; c++) input.slopes[i + c] += output.slopes[o + (grey ? 0 : c)] * (grey ? factor / 3 : factor);
      }),
    };
  }

  function mean(step, input) {
    const output = plane(input.channels, 1, 1), share = 1 / (input.height * input.width), t = output.at(0, 0);
    const each = (visit) => {
      for (let y = 0; y < input.height; y++)
        for (let x = 0, i = input.at(y, 0); x < input.width; x++, i += input.lanes)
          for (let c = 0; c < input.channels; c++) visit(i + c, t + c);
    };
    return {
      input, output,
      forward() {
        output.values.fill(0);
        each((i, o) => (output.values[o] += share * input.values[i]));
      },
      backward: () => each((i, o) => (input.slopes[i] += share * output.slopes[o])),
    };
  }

  // `weights`: Float32Array of all convolutions, in order. Images are 3 x 32 x 32 numbers in [0, 1], channel by channel.
  function build({ steps }, weights) {
    const planes = [plane(3, 32, 32)], layers = [];
    let read = 0;
    const take = (count) => weights.subarray(read, (read += count));
    for (const step of steps) {
      const input = planes[step.input];
      let layer;
      if (step.op === "conv") {
        const kernel = take(step.outputs * step.inputs * step.kernel * step.kernel);
        layer = convolution(step, input, step.add === null ? null : planes[step.add], kernel, take(step.outputs));
      } else layer = { scale, mean }[step.op](step, input);
      layers.push(layer);
      planes.push(layer.output);
    }
    if (read !== weights.length) throw new Error(`${weights.length} weights, of which ${read} are used`);
    const image = planes[0], last = planes.at(-1), end = last.at(0, 0), area = image.height * image.width;
    const pixel = new Int32Array(3 * area); // where each number of an image lies
    for (let c = 0, i = 0; c < 3; c++)
      for (let y = 0; y < image.height; y++) for (let x = 0; x < image.width; x++) pixel[i++] = image.at(y, x) + c;

    function place(x) {
      for (let i = 0; i < pixel.length; i++) image.values[pixel[i]] = x[i];
      return image;
    }

    return {
      width: last.channels, image, layers, place,
      read: (values) => values.slice(end, end + last.channels), // the features among the last array's values
      forward(x) { // the features, shape (width)
        place(x);
        for (const layer of layers) layer.forward();
        return last.values.slice(end, end + last.channels);
      },
      backward(slopes) { // of the last image: from slopes in the features to slopes in its numbers
        for (const { slopes: all } of planes) all.fill(0);
        last.slopes.set(slopes, end);
        for (const layer of [...layers].reverse()) layer.backward();
        return Float64Array.from(pixel, (i) => image.slopes[i]);
      },
    };
  }

  return { build, correlate };
};
