// The benchmark's works in ONNX Runtime's wasm build on one thread: onnxruntime.mjs [--exactly NAME | word ...]
import { fromPeers, measurePeer, noise, spread } from './peer.js';

const ort = fromPeers('onnxruntime-web');
const { onnx } = fromPeers('onnx-proto');

/** Inputs and outputs are copied at each run, which no work counts: so many of a kernel in a row make that little. */
const ROW = 16;
const OPSET = 21;
const IR = 8;

ort.env.wasm.numThreads = 1;

/** A graph of one value that passes from node to node. */
class Graph {
  node = [];
  initializer = [];
  inputs = [];
  value = 'x0';

  /** @param {number[]} shape */
  constructor(shape) {
    this.input('x0', shape);
  }

  input(name, shape, scale = 1) {
    this.inputs.push({ name, shape, values: new ort.Tensor('float32', noise(shape, scale), shape) });
    return name;
  }

  constant(data, dims) {
    const name = `w${this.initializer.length}`;
    const { FLOAT } = onnx.TensorProto.DataType;
    this.initializer.push({ name, dims, dataType: FLOAT, rawData: new Uint8Array(data.buffer) });
    return name;
  }

  filled(dims, value) {
    return this.constant(new Float32Array(dims.reduce((a, b) => a * b)).fill(value), dims);
  }

  noise(dims, scale) {
    return this.constant(noise(dims, scale), dims);
  }

  /** @param {string} opType @param {string[]} more its inputs after the value @param {Record<string, number | number[]>} attributes */
  add(opType, more = [], attributes = {}) {
    const output = `x${this.node.length + 1}`;
    this.node.push({ opType, input: [this.value, ...more], output: [output], attribute: encodeAttributes(attributes) });
    this.value = output;
  }

  async session() {
    const { node, initializer, inputs } = this;
    const info = (name, shape) => ({
      name,
      type: {
        tensorType: {
          elemType: onnx.TensorProto.DataType.FLOAT,
          shape: shape && { dim: shape.map((dimValue) => ({ dimValue })) },
        },
      },
    });
    const model = onnx.ModelProto.fromObject({
      irVersion: IR,
      opsetImport: [{ version: OPSET }],
      graph: {
        name: 'work',
        node,
        initializer,
        input: inputs.map(({ name, shape }) => info(name, shape)),
        output: [info(this.value)],
      },
    });
    const session = await ort.InferenceSession.create(onnx.ModelProto.encode(model).finish(), {
      executionProviders: ['wasm'],
    });
    const feeds = Object.fromEntries(inputs.map(({ name, values }) => [name, values]));
    return async () => {
      await session.run(feeds);
    };
  }
}

function encodeAttributes(attributes) {
  const { FLOAT, INT, INTS } = onnx.AttributeProto.AttributeType;
  return Object.entries(attributes).map(([name, value]) => {
    if (Array.isArray(value)) return { name, type: INTS, ints: value };
    return Number.isInteger(value) ? { name, type: INT, i: value } : { name, type: FLOAT, f: value };
  });
}

const EPS = { epsilon: 1e-5 };
const affine = (graph, dims) => [graph.filled(dims, 1), graph.filled(dims, 0)];

const NORMS = {
  bn: (graph, [, c]) =>
    graph.add('BatchNormalization', [...affine(graph, [c]), graph.filled([c], 0), graph.filled([c], 1)], EPS),
  ln: (graph, [, ...rest]) => graph.add('LayerNormalization', affine(graph, rest), { ...EPS, axis: 1 }),
  gn8: (graph, [, c]) => graph.add('GroupNormalization', affine(graph, [c]), { ...EPS, num_groups: 8 }),
  in: (graph, [, c]) => graph.add('InstanceNormalization', affine(graph, [c]), EPS),
};

/** It runs what was trained elsewhere: batch norm has its eval mode alone, and nothing goes backward. */
async function norm(type, mode, shape) {
  if (mode !== (type === 'bn' ? 'fwd_eval' : 'fwd_train') || !NORMS[type]) return undefined;
  const graph = new Graph(shape);
  for (let i = 0; i < ROW; i++) NORMS[type](graph, shape);
  return { run: await graph.session(), repeats: ROW };
}

/** Its second factor is an input: a constant one would be packed once, which is a part of the work. */
async function gemm(n) {
  const graph = new Graph([n, n]);
  const b = graph.input('b', [n, n], spread(n));
  for (let i = 0; i < ROW; i++) graph.add('MatMul', [b]);
  return { run: await graph.session(), repeats: ROW };
}

/** @param {import('./peer.js').ModelSpec} spec */
async function infer({ input, layers }, batch) {
  const graph = new Graph([batch, ...input]);
  let shape = input;
  for (const layer of layers) {
    const [channels, height, width] = shape;
    switch (layer.type) {
      case 'conv2d': {
        const { outChannels, kernelSize, padding } = layer;
        const weight = graph.noise([outChannels, channels, kernelSize, kernelSize], spread(channels * kernelSize ** 2));
        graph.add('Conv', [weight, graph.filled([outChannels], 0)], { pads: Array(4).fill(padding) });
        shape = [outChannels, height, width];
        break;
      }
      case 'linear': {
        const weight = graph.noise([layer.outFeatures, channels], spread(channels));
        graph.add('Gemm', [weight, graph.filled([layer.outFeatures], 0)], { transB: 1 });
        shape = [layer.outFeatures];
        break;
      }
      case 'batchNorm':
        NORMS.bn(graph, [batch, ...shape]);
        break;
      case 'groupNorm':
        NORMS.gn8(graph, [batch, ...shape]);
        break;
      case 'relu':
        graph.add('Relu');
        break;
      case 'maxPool2d': {
        const window = [layer.kernelSize, layer.kernelSize];
        graph.add('MaxPool', [], { kernel_shape: window, strides: window });
        shape = [channels, Math.floor(height / layer.kernelSize), Math.floor(width / layer.kernelSize)];
        break;
      }
      case 'flatten':
        graph.add('Flatten');
        shape = [shape.reduce((a, b) => a * b)];
        break;
      default:
        throw new Error(`no ${layer.type} here`);
    }
  }
  return { run: await graph.session() };
}

await measurePeer(`onnxruntime-web ${ort.env.versions.web}`, { norm, gemm, infer });
