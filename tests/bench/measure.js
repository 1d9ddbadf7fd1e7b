import { WORKS } from './works.js';

const SAMPLES = 11;
const SAMPLE_MS = 25;
/** V8 compiles a module's functions twice, the second time while they run. */
const WARM_UP_MS = 250;

/**
 * Measures the works whose name contains one of the words, or all of them, and reports each as it is done.
 *
 * @param {import('normlab').Engine} engine
 * @param {string[]} words
 * @param {(figures: Record<string, unknown>) => void} report
 */
export async function measureAll(engine, words, report) {
  const chosen = WORKS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  const peak = multiplyAddPeak(engine);
  for (const { name, prepare } of chosen) {
    const work = prepare(engine);
    const { ms, min, max } = await measure(work.run);
    report({
      work: name,
      variant: engine.variant,
      ms: round(ms),
      min: round(min),
      max: round(max),
      ...(work.madds && { gflops: round((2 * work.madds) / ms / 1e6), roofline: round((ms / work.madds) * peak) }),
      ...(work.passes && (await bandwidth(engine, work, ms))),
      ...(work.images && { images_per_s: Math.round((1000 * work.images) / ms) }),
    });
    work.dispose();
  }
}

/** Multiply-adds a millisecond, in registers alone. */
function multiplyAddPeak({ runtime }) {
  const { nl_peak } = runtime.exports;
  const rounds = 1e7;
  let least = Infinity;
  for (let i = 0; i < 8; i++) {
    const began = performance.now();
    nl_peak(rounds);
    least = Math.min(least, performance.now() - began);
  }
  return (48 * rounds) / least;
}

/** What a norm's pass reads and writes at the least, against a copy of the same tensor in the same memory. */
async function bandwidth({ runtime }, { bytes, passes }, ms) {
  const [from, to] = [runtime.allocate(bytes), runtime.allocate(bytes)];
  const copy = await measure((times) => {
    const memory = runtime.bytes(0, runtime.buffer.byteLength);
    for (let i = 0; i < times; i++) memory.copyWithin(to, from, from + bytes);
  });
  runtime.exports.nl_free(from);
  runtime.exports.nl_free(to);
  return { gbps: round((passes * bytes) / ms / 1e6), roofline: round(ms / ((passes / 2) * copy.ms)) };
}

/** @param {(times: number) => void} run */
async function measure(run) {
  let times = 1;
  let took = 0;
  for (let spent = 0; spent < WARM_UP_MS || took < SAMPLE_MS / 2; spent += took) {
    if (took < SAMPLE_MS / 2 && spent > 0) times *= 2;
    took = time(run, times);
    // Tasks such as taking over optimized code happen between turns.
    await new Promise((resolve) => setTimeout(resolve));
  }
  const samples = Array.from({ length: SAMPLES }, () => time(run, times) / times).sort((a, b) => a - b);
  return { ms: samples[SAMPLES >> 1], min: samples[0], max: samples[SAMPLES - 1] };
}

function time(run, times) {
  const began = performance.now();
  run(times);
  return performance.now() - began;
}

const round = (value) => Number(value.toPrecision(4));
