/**
 * What is said of each preset, and what it is made for, apart from its layers: for those who only offer them.
 *
 * @type {Readonly<Record<string, Omit<import("./index.js").Preset, "layers">>>}
 */
export const about = {
  mlp: {
    title: 'Multilayer perceptron',
    description: '784 → 256 → 128 → 10 linear, with a normalization and ReLU between',
    input: [1, 28, 28],
    classes: 10,
  },
  smallcnn: {
    title: 'Small CNN',
    description:
      'Two 3×3 convolutions of 16 and 32 filters, each with normalization, ReLU and max pooling; one linear layer',
    input: [1, 28, 28],
    classes: 10,
  },
  deepcnn: {
    title: 'Deep CNN',
    description:
      'Five 3×3 convolutions of stride 2 take 28×28 down to 1×1: the last normalization sees one value per channel and image',
    input: [1, 28, 28],
    classes: 10,
  },
  convnet: {
    title: 'ConvNet for 32×32 colour images',
    description:
      '3×3 convolutions of 64, 128 and 256 filters, linear layers of 512 and 10, each but the last normalized',
    input: [3, 32, 32],
    classes: 10,
  },
  resnet: {
    title: 'Small residual network',
    description:
      'A convolution and three residual blocks of 16, 32 and 64 channels, global average pooling, one linear layer',
    input: [1, 28, 28],
    classes: 10,
  },
  plain: {
    title: 'Plain deep network',
    description:
      '16 linear layers of 64 with a normalization and ReLU each: without one it is too deep to learn at all',
    input: [1, 28, 28],
    classes: 10,
  },
};
