// One normalization layer, forward and backward: node examples/layer.mjs
import { createEngine, NormlabError } from 'normlab';

const nl = await createEngine();
const layer = nl.batchNorm1d(2);

// Four images, two channels: x[n][c]. The second channel is 100 times the first.
const x = { data: Float32Array.of(1, 100, 2, 200, 3, 300, 4, 400), shape: [4, 2] };
const row = (name, values) => console.log(name.padEnd(16), [...values].map((v) => v.toFixed(4).padStart(9)).join(' '));

// In training mode the layer uses the statistics of this batch, and both channels come out alike.
row('x', x.data);
row('y', layer.forward(x).data);

// Each channel's gradient sums to zero: the mean that is taken away makes the images depend on each other.
const { input, weight, bias } = layer.backward({ data: Float32Array.of(1, 1, 0, 0, 0, 0, 0, 0), shape: [4, 2] });
row('gradient of x', input.data);
row('… of weight', weight.data);
row('… of bias', bias.data);

// One batch has moved the running statistics a tenth of the way (momentum 0.1), and eval mode goes by these.
const state = layer.stateDict();
row('running_mean', state.running_mean.data);
row('running_var', state.running_var.data);
layer.eval();
row('y in eval mode', layer.forward(x).data);

// A single value has no variance: PyTorch's error, as an error of this package.
layer.train();
try {
  layer.forward({ data: Float32Array.of(1, 100), shape: [1, 2] });
} catch (error) {
  if (!(error instanceof NormlabError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}

nl.dispose();
