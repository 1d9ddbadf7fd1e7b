// Checks the gradients of a model of one's own, and what a mistake in them looks like: node examples/check-gradients.mjs
import { checkGradients, createEngine } from 'normlab';

const nl = await createEngine();
const model = nl.model({
  input: [2, 8, 8],
  layers: [
    { type: 'conv2d', outChannels: 6, kernelSize: 3, padding: 1 },
    { type: 'groupNorm', numGroups: 3, name: 'norm' },
    { type: 'gelu' },
    { type: 'residual', body: [{ type: 'conv2d', outChannels: 6, kernelSize: 3, padding: 1 }, { type: 'rmsNorm' }] },
    { type: 'globalAvgPool2d' },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 4 },
  ],
});

// A normalization starts with weight 1 and bias 0, where a factor or a term that is missing does not show.
const state = model.stateDict();
for (const key of ['norm.weight', 'norm.bias', '3.body.1.weight']) {
  state[key].data.forEach((value, i, data) => {
    data[i] = value + 0.5 * Math.sin(i + 1);
  });
}
model.loadStateDict(state);

function report(title, { parameters, passed }) {
  console.log(`${title}: ${passed ? 'all right' : 'WRONG'}`);
  for (const { key, worst, at, engine, expected, passed: right } of parameters) {
    const place = at ? `[${at}]` : 'along a direction';
    console.log(
      key.padEnd(16),
      worst.toExponential(1).padStart(8),
      right ? '' : `at ${place}: ${engine}, expected ${expected}`,
    );
  }
}

report('as it is', checkGradients(model));

// A backward pass that has one weight wrong out of 324. The element is found by halving.
const right = model.gradients.bind(model);
model.gradients = (x, labels) => {
  const gradients = right(x, labels);
  gradients.grads['3.body.0.weight'].data[100] *= -1;
  return gradients;
};
report('one element flipped', checkGradients(model, { tolerance: 1e-5 }));

nl.dispose();
