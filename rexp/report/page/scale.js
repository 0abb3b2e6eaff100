// Scales, ticks and numbers as text.

// 1, 2 and 5 times powers of ten, about `count` of them between low and high.
function linearTicks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
  return ticks;
}

function logTicks(low, high, count) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
    for (const factor of [1, 2, 5]) {
      const tick = factor * 10 ** power;
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  const every = Math.ceil(ticks.length / count);
  return ticks.length < 2 ? linearTicks(low, high, count) : ticks.filter((_, place) => place % every === 0);
}

// Values to pixels. A logarithm is taken where the values span more than a factor of four.
function makeScale(values, from, to, options = {}) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  const log = options.log !== false && low > 0 && high > 4 * low;
  const forward = log ? Math.log : (v) => v;
  const backward = log ? Math.exp : (v) => v;
  if (options.zero && !log) low = Math.min(0, low);
  const margin = (forward(high) - forward(low)) * (options.margin ?? 0.06) || Math.abs(high) * 0.05 || 1;
  const [start, end] = [options.zero ? forward(low) : forward(low) - margin, forward(high) + margin];
  const scale = (v) => from + ((forward(v) - start) / (end - start)) * (to - from);
  scale.ticks = (log ? logTicks : linearTicks)(backward(start), backward(end), options.count || 6);
  return scale;
}

// 310k, 0.0912, 1.05M
function shortNumber(value) {
  const size = Math.abs(value);
  for (const [unit, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]])
    if (size >= unit * (unit === 1e3 ? 10 : 1)) return `${+(value / unit).toPrecision(3)}${letter}`;
  return String(+value.toPrecision(4));
}

function withSpread(mean, sd) {
  return sd === null ? shortNumber(mean) : `${shortNumber(mean)} ± ${shortNumber(sd)}`;
}
