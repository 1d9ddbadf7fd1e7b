// The benchmark's works in TensorFlow.js on its wasm backend, SIMD and one thread: tfjs.mjs [--exactly NAME | word ...]
// The backend runs a kernel when it is called, so a result is there when its tensor is.
import { fromPeers, Missing, measurePeer, noise, spread } from './peer.js';

const tf = fromPeers('@tensorflow/tfjs-core');
// The gradients of the operations are not in the core's own build for Node.
fromPeers('@tensorflow/tfjs-layers');
fromPeers('@tensorflow/tfjs-backend-wasm');

const EPS = 1e-5;
const MOMENTUM = 0.1;

tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
if (!(await tf.setBackend('wasm'))) throw new Error('the wasm backend did not start');

const tensor = (shape, scale) => tf.tensor(noise(shape, scale), shape);
const filled = (shape, value) => tf.variable(tf.fill(shape, value));

/** What is normalized together: the shape to see [N, C, ...] in, its axes, and the shape of the weights in it. */
const NORMS = {
  bn: ([n, c, h, w]) => ({ view: [n, c, h * w], axes: [0, 2], weights: [c, 1] }),
  ln: ([n, ...rest]) => {
    const length = rest.reduce((a, b) => a * b);
    return { view: [n, length], axes: [1], weights: [length] };
  },
  gn8: ([n, c, h, w]) => ({ view: [n, 8, c / 8, h * w], axes: [2, 3], weights: [8, c / 8, 1] }),
  in: ([n, c, h, w]) => ({ view: [n, c, h * w], axes: [2], weights: [c, 1] }),
};

/** In arithmetic it takes a third of the time of the library's batchNorm, and an eightieth of its layerNormalization's. */
function normalize(x, { mean, variance }, gamma, beta) {
  return tf.add(tf.mul(tf.sub(x, mean), tf.mul(tf.rsqrt(tf.add(variance, EPS)), gamma)), beta);
}

function normalizeFixed(x, { mean, variance }, gamma, beta) {
  const scale = tf.mul(tf.rsqrt(tf.add(variance, EPS)), gamma);
  return tf.add(tf.mul(x, scale), tf.sub(beta, tf.mul(mean, scale)));
}

/** Batch norm's running statistics follow what a batch has. */
function follow(running, batch) {
  for (const key of ['mean', 'variance']) {
    const target = running[key];
    target.assign(tf.add(tf.mul(target, 1 - MOMENTUM), tf.mul(tf.reshape(batch[key], target.shape), MOMENTUM)));
  }
}

const statistics = (shape) => ({ mean: filled(shape, 0), variance: filled(shape, 1) });

function norm(type, mode, shape) {
  if (!NORMS[type]) return undefined;
  const { view, axes, weights } = NORMS[type](shape);
  const [x, dy] = [tensor(view), tensor(view)];
  const [gamma, beta] = [filled(weights, 1), filled(weights, 0)];
  const running = type === 'bn' ? statistics(weights) : undefined;
  if (mode === 'fwd_eval') return inTidy(() => void normalizeFixed(x, running, gamma, beta));

  const forward = (x, gamma, beta) => {
    const batch = tf.moments(x, axes, true);
    if (running) follow(running, batch);
    return normalize(x, batch, gamma, beta);
  };
  if (mode === 'fwd_train') return inTidy(() => void forward(x, gamma, beta));

  // The tape is made by a forward pass, which is not the work.
  return inTidy(() => {
    let began;
    tf.grads((...inputs) => {
      const y = forward(...inputs);
      began = performance.now();
      return y;
    })([x, gamma, beta], dy);
    return performance.now() - began;
  });
}

const inTidy = (run) => ({ run: () => tf.tidy(run) });

function gemm(n) {
  const [a, b] = [tensor([n, n]), tensor([n, n])];
  return inTidy(() => void tf.matMul(a, b));
}

/** Channels last, as its convolutions want it. @param {import('./peer.js').ModelSpec} spec */
function network({ input: [channels, height, width], layers }) {
  let shape = [height, width, channels];
  const steps = layers.map((layer, i) => {
    const activation = layers[i + 1]?.type === 'relu' ? 'relu' : undefined;
    const [size, last] = [shape.reduce((a, b) => a * b), shape.at(-1)];
    switch (layer.type) {
      case 'conv2d': {
        const { outChannels, kernelSize, padding } = layer;
        const kernel = [kernelSize, kernelSize, last, outChannels];
        const filter = tf.variable(tensor(kernel, spread(last * kernelSize ** 2)));
        const bias = filled([outChannels], 0);
        shape = [shape[0], shape[1], outChannels];
        return (x) => tf.fused.conv2d({ x, filter, strides: 1, pad: padding, bias, activation });
      }
      case 'linear': {
        const weight = tf.variable(tensor([size, layer.outFeatures], spread(size)));
        const bias = filled([layer.outFeatures], 0);
        shape = [layer.outFeatures];
        return (a) => tf.fused.matMul({ a, b: weight, bias, activation });
      }
      case 'batchNorm': {
        const [gamma, beta, running] = [filled([last], 1), filled([last], 0), statistics([last])];
        const axes = shape.map((_, axis) => axis);
        return (x, training) => {
          if (!training) return normalizeFixed(x, running, gamma, beta);
          const batch = tf.moments(x, axes, true);
          follow(running, batch);
          return normalize(x, batch, gamma, beta);
        };
      }
      case 'groupNorm': {
        const groups = layer.numGroups;
        const [gamma, beta] = [1, 0].map((value) => filled([groups, last / groups, 1], value));
        const pixels = size / last;
        const swapped = (x, view) => tf.transpose(tf.reshape(x, view), [0, 2, 1]);
        // Channels first and back is three times as fast as moments of the first and the last axis.
        return (x) => {
          const grouped = tf.reshape(swapped(x, [-1, pixels, last]), [-1, groups, last / groups, pixels]);
          const y = normalize(grouped, tf.moments(grouped, [2, 3], true), gamma, beta);
          return tf.reshape(swapped(y, [-1, last, pixels]), x.shape);
        };
      }
      case 'relu': {
        const fused = ['conv2d', 'linear'].includes(layers[i - 1].type);
        return fused ? (x) => x : (x) => tf.relu(x);
      }
      case 'maxPool2d': {
        const { kernelSize } = layer;
        shape = [Math.floor(shape[0] / kernelSize), Math.floor(shape[1] / kernelSize), last];
        return (x) => tf.maxPool(x, kernelSize, kernelSize, 'valid');
      }
      case 'flatten':
        shape = [size];
        return (x) => tf.reshape(x, [-1, size]);
      default:
        throw new Error(`no ${layer.type} here`);
    }
  });
  return (x, training) => steps.reduce((value, step) => step(value, training), x);
}

const batchOf = ({ input: [channels, height, width] }, batch) => tensor([batch, height, width, channels]);

function train(spec, batch) {
  const [forward, x] = [network(spec), batchOf(spec, batch)];
  const labels = tf.oneHot(
    Array.from({ length: batch }, (_, i) => (i * 7) % 10),
    10,
  );
  const optimizer = tf.train.momentum(0.01, 0.9);
  const step = () => {
    optimizer.minimize(() => tf.losses.softmaxCrossEntropy(labels, forward(x, true)));
  };
  try {
    step();
  } catch (error) {
    const kernel = /Kernel '(\w+)' not registered/.exec(error.message)?.[1];
    throw kernel ? new Missing(`its wasm backend has no ${kernel}`) : error;
  }
  return { run: step };
}

function infer(spec, batch) {
  const [forward, x] = [network(spec), batchOf(spec, batch)];
  return inTidy(() => void forward(x, false).dataSync());
}

await measurePeer(`tfjs-wasm ${tf.version_core}`, { norm, gemm, train, infer });
