import type { Pitfall } from './pitfall';
import { refusal } from './refusal';

const SHAPES = [
  [1, 16],
  [1, 16, 1],
  [1, 16, 2],
  [1, 16, 1, 1],
  [2, 16, 1, 1],
  [1, 16, 7, 7],
];

export const pooled: Pitfall = async (bench, fixed) => {
  const { train } = await bench.images();
  const norm = { type: 'batchNorm', name: 'norm' };
  const pool = { type: 'globalAvgPool2d' };
  const model = bench.model({
    input: [1, 28, 28],
    seed: 1,
    layers: [
      { type: 'conv2d', outChannels: 16, kernelSize: 3, padding: 1, stride: 2 },
      { type: 'relu' },
      ...(fixed ? [] : [pool]),
      { type: 'conv2d', outChannels: 16, kernelSize: 1 },
      norm,
      { type: 'relu' },
      ...(fixed ? [pool] : []),
      { type: 'flatten' },
      { type: 'linear', outFeatures: 10 },
    ],
  });
  const m = model.valuesPerStatistic(1).norm ?? 0;
  const run = bench.start(model, { optimizer: { lr: 0.01 } }, train, { batchSize: 1 });
  let [made, message] = [0, ''];
  while (made < 20 && !message) {
    message = refusal(() => run.steps(1));
    if (!message) made++;
  }
  const rows = SHAPES.map((shape) => {
    const values = shape.reduce((product, size) => product * size, 1);
    const layer = bench.own(shape.length === 4 ? bench.nl.batchNorm2d(16) : bench.nl.batchNorm1d(16));
    const data = bench.normal(values, 1, 2).data;
    const train = refusal(() => layer.forward({ data, shape }));
    const evaluated = refusal(() => layer.eval().forward({ data, shape }));
    return [`[${shape.join(', ')}]`, values / 16, train ? 'refused' : 'taken', evaluated ? 'refused' : 'taken'];
  });
  return {
    figures: [
      { label: 'm, values per channel at batch size 1', value: m, fine: m > 1 },
      { label: 'steps made, of 20', value: made, fine: made === 20 },
    ],
    ...(message && { message }),
    table: { label: 'Shapes that BatchNorm takes', columns: ['input', 'm', 'train mode', 'eval mode'], rows },
    verdict: fixed
      ? `Normalized before it is pooled, a channel of one image has ${m} values, and all ${made} steps of batch size 1 are made. One image is legal; one value is not.`
      : `Pooled to 1 × 1, a channel of one image is one value. Training at batch size 1 stops at its first step, though the convolution before it had 196 values there.`,
  };
};
