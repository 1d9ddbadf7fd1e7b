import { brief, largestDifference } from './numbers';
import type { Pitfall } from './pitfall';

export const bias: Pitfall = async (bench, fixed) => {
  const { train } = await bench.images();
  const model = bench.model({
    input: [1, 28, 28],
    seed: 1,
    layers: [
      { type: 'conv2d', outChannels: 16, kernelSize: 3, padding: 1, stride: 2, bias: !fixed, name: 'conv' },
      { type: 'batchNorm' },
      { type: 'relu' },
      { type: 'globalAvgPool2d' },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 10 },
    ],
  });
  const { x, labels } = train.batch(Array.from({ length: 64 }, (_, i) => i));
  const { grads, logits } = model.gradients(x, labels);
  const most = (key: string) =>
    largestDifference(grads[key]?.data ?? [], new Float32Array(grads[key]?.data.length ?? 0));
  const [weight, own] = [most('conv.weight'), most('conv.bias')];
  const parameters = model.parameters.reduce((total, { size }) => total + size, 0);
  const figures = [
    { label: 'parameters', value: parameters },
    { label: 'largest gradient of the convolution’s weights', value: weight },
  ];
  if (fixed) {
    return {
      figures,
      verdict: `Without the bias there are 16 parameters fewer, and the network computes the same: BatchNorm has a bias of its own, behind the mean that it takes away.`,
    };
  }
  const state = model.stateDict();
  const entry = state['conv.bias'] as { data: Float32Array; shape: number[] };
  model.loadStateDict({ ...state, 'conv.bias': { ...entry, data: entry.data.map((value) => value + 10) } });
  const moved = largestDifference(model.forward(x).data, logits.data);
  return {
    figures: [
      ...figures,
      { label: 'largest gradient of its bias', value: own, expected: 0, fine: false },
      { label: 'adding 10 to the bias moves the outputs by', value: moved, expected: 0, fine: false },
    ],
    verdict: `The gradient of the bias is ${brief(own)}, that of the weights ${brief(weight)}: rounding and nothing else. Adding 10 to it moves the outputs by ${brief(moved)}, for BatchNorm takes it away with the mean.`,
  };
};
