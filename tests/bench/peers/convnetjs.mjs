// The benchmark's works in ConvNetJS: convnetjs.mjs [--exactly NAME | word ...]
// It has no norm, takes one image after the other, and computes in float64.
import { fromPeers, measurePeer, noise } from './peer.js';

const { Net, Trainer, Vol } = fromPeers('convnetjs');
const { version } = fromPeers('convnetjs/package.json');

/** @param {import('./peer.js').ModelSpec} spec @returns {object[] | undefined} its definitions, if it has all layers */
function definitions({ input: [depth, height, width], layers }) {
  const found = [{ type: 'input', out_sx: width, out_sy: height, out_depth: depth }];
  for (const [i, layer] of layers.entries()) {
    if (layer.type === 'conv2d') {
      found.push({ type: 'conv', sx: layer.kernelSize, filters: layer.outChannels, stride: 1, pad: layer.padding });
    } else if (layer.type === 'relu') {
      found.at(-1).activation = 'relu';
    } else if (layer.type === 'maxPool2d') {
      found.push({ type: 'pool', sx: layer.kernelSize, stride: layer.kernelSize });
    } else if (layer.type === 'linear' && i === layers.length - 1) {
      found.push({ type: 'softmax', num_classes: layer.outFeatures });
    } else if (layer.type !== 'flatten') {
      return undefined;
    }
  }
  return found;
}

function prepare(spec, batch) {
  const layers = definitions(spec);
  if (!layers) return undefined;
  const net = new Net();
  net.makeLayers(layers);
  const [depth, height, width] = spec.input;
  const size = depth * height * width;
  const values = noise([batch, size]);
  const images = Array.from({ length: batch }, (_, n) => {
    const image = new Vol(width, height, depth, 0);
    image.w.set(values.subarray(n * size, (n + 1) * size));
    return image;
  });
  return { net, images };
}

function train(spec, batch) {
  const { net, images } = prepare(spec, batch) ?? {};
  if (!net) return undefined;
  const trainer = new Trainer(net, { method: 'sgd', learning_rate: 0.01, momentum: 0.9, batch_size: batch });
  return {
    run: () => {
      for (const [i, image] of images.entries()) trainer.train(image, (i * 7) % 10);
    },
  };
}

function infer(spec, batch) {
  const { net, images } = prepare(spec, batch) ?? {};
  return net && { run: () => images.forEach((image) => void net.forward(image)) };
}

await measurePeer(`convnetjs ${version}`, { train, infer });
