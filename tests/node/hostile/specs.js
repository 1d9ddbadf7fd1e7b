import fc from 'fast-check';

/*
 * Models and layers that are likely to be good ones: of random types, options and shapes.
 */

const CHANNELS = 4;
const small = (/** @type {number} */ most) => fc.integer({ min: 1, max: most });
const flag = fc.boolean();
const eps = fc.constantFrom(1e-5, 0, 1, 1e-300, 1e300);
const momentum = fc.constantFrom(0.1, 0, 1, -1.2);

/** @template T @param {fc.Arbitrary<T>} likely @param {fc.Arbitrary<T>} otherwise */
const mostly = (likely, otherwise) => fc.oneof({ weight: 9, arbitrary: likely }, { weight: 1, arbitrary: otherwise });
const channels = mostly(fc.constant(CHANNELS), small(6));

/**
 * @param {string} type
 * @param {Record<string, fc.Arbitrary<unknown>>} options
 * @param {string[]} [required]
 */
const layer = (type, options, required = []) =>
  fc.record({ type: fc.constant(type), ...options }, { requiredKeys: ['type', ...required] });

const anywhere = fc.oneof(
  fc.constantFrom('relu', 'gelu', 'sigmoid', 'tanh', 'identity').map((type) => ({ type })),
  layer('dropout', { p: fc.constantFrom(0, 0.3, 1, -1) }),
  layer('batchNorm', {
    eps: mostly(fc.constant(1e-5), eps),
    momentum: fc.option(momentum),
    affine: flag,
    trackRunningStats: flag,
    runningVar: fc.constantFrom('biased', 'unbiased'),
    bias: flag,
  }),
  layer('batchRenorm', { eps, momentum: fc.option(momentum), rMax: fc.constantFrom(1, 3, 0), dMax: fc.nat(5) }),
  layer('groupNorm', { numGroups: mostly(fc.constantFrom(1, 2, 4), small(4)), eps, affine: flag, bias: flag }, [
    'numGroups',
  ]),
  layer('layerNorm', { eps, elementwiseAffine: flag, bias: flag }),
  layer('rmsNorm', { eps: fc.option(eps), elementwiseAffine: flag }),
  layer('layerNorm', { normalizedShape: fc.array(small(6), { maxLength: 3 }) }),
);

const window = { stride: small(2), padding: fc.integer({ min: 0, max: 1 }) };
/** @type {Record<'image' | 'row', fc.Arbitrary<{ type: string }>>} */
const simple = {
  image: fc.oneof(
    { weight: 2, arbitrary: anywhere },
    layer(
      'conv2d',
      { outChannels: channels, kernelSize: small(3), ...window, bias: flag, weightStandardization: flag },
      ['outChannels', 'kernelSize'],
    ),
    fc
      .constantFrom('maxPool2d', 'avgPool2d')
      .chain((type) =>
        layer(type, { kernelSize: fc.oneof(fc.constant(2), fc.tuple(small(3), small(3))), ...window }, ['kernelSize']),
      ),
    layer('instanceNorm', { eps, momentum, affine: flag, trackRunningStats: flag }),
    mostly(fc.constant({ type: 'identity' }), fc.constantFrom({ type: 'flatten' }, { type: 'globalAvgPool2d' })),
  ),
  row: fc.oneof(
    { weight: 2, arbitrary: anywhere },
    layer('linear', { outFeatures: channels, bias: flag }, ['outFeatures']),
  ),
};

/** What keeps the shape of its input: what may stand beside a shortcut. @type {Record<'image' | 'row', fc.Arbitrary<object>>} */
const keeping = {
  image: fc.oneof(anywhere, fc.constant({ type: 'conv2d', outChannels: CHANNELS, kernelSize: 3, padding: 1 })),
  row: fc.oneof(anywhere, fc.constant({ type: 'linear', outFeatures: CHANNELS })),
};

/** @param {'image' | 'row'} kind */
const layersOf = (kind) =>
  fc.letrec((tie) => ({
    layers: fc.array(tie('layer'), { minLength: 1, maxLength: 5 }),
    layer: fc.oneof({ weight: 4, arbitrary: simple[kind] }, { weight: 1, arbitrary: tie('residual') }),
    body: fc.array(fc.oneof({ maxDepth: 3 }, keeping[kind], tie('residual')), { minLength: 1, maxLength: 3 }),
    residual: fc.record({
      type: fc.constant('residual'),
      body: tie('body'),
      shortcut: fc.array(mostly(keeping[kind], simple[kind]), { maxLength: 2 }),
    }),
  })).layers;

const HEAD = [{ type: 'flatten' }, { type: 'linear', outFeatures: 3 }];

/** Model specs. */
export const specs = fc.constantFrom(/** @type {const} */ ('image'), /** @type {const} */ ('row')).chain((kind) =>
  fc.record({
    input:
      kind === 'row' ? mostly(fc.constant([CHANNELS]), fc.constant([3, 5])) : fc.tuple(channels, small(8), small(8)),
    seed: fc.nat(9),
    layers: fc.tuple(layersOf(kind), mostly(fc.constant(HEAD), fc.constant([]))).map((parts) => parts.flat()),
  }),
);

/**
 * A factory with its arguments, and the shapes that its inputs are likely to have.
 *
 * @param {string} name
 * @param {unknown[]} args
 * @param {fc.Arbitrary<number[]>} shapes
 */
const use = (name, args, shapes) =>
  fc.record({
    name: fc.constant(name),
    args: fc.constant(args),
    uses: fc.array(
      fc.record({
        shape: mostly(shapes, fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 6 })),
        fill: fc.constantFrom(0, 1, 1e30, 1e-40, Number.NaN, Infinity),
        training: flag,
        backward: flag,
      }),
      { minLength: 1, maxLength: 5 },
    ),
  });

/** @param {number} c @param {number} spatial how many more dimensions @param {boolean} [batched] */
const channelShapes = (c, spatial, batched = true) =>
  fc
    .tuple(fc.nat(5), fc.array(fc.nat(4), { minLength: spatial, maxLength: spatial }))
    .map(([n, rest]) => [...(batched ? [n] : []), c, ...rest]);

/** Layers by their factories, and what they are used on. */
export const layerUses = fc.oneof(
  fc
    .tuple(fc.constantFrom('batchNorm', 'instanceNorm'), small(3), small(6), flag)
    .chain(([name, dims, c, batched]) =>
      fc
        .record({ eps, momentum, affine: flag, trackRunningStats: flag })
        .chain((options) =>
          use(`${name}${dims}d`, [c, options], channelShapes(c, dims, batched || name === 'batchNorm')),
        ),
    ),
  fc
    .tuple(small(3), small(3), fc.record({ eps, affine: flag, bias: flag }), fc.nat(3))
    .chain(([groups, each, options, spatial]) =>
      use('groupNorm', [groups, groups * each, options], channelShapes(groups * each, spatial)),
    ),
  fc
    .tuple(
      fc.constantFrom('layerNorm', 'rmsNorm'),
      fc.array(fc.nat(4), { minLength: 1, maxLength: 3 }),
      fc.record({ eps, elementwiseAffine: flag }),
    )
    .chain(([name, trailing, options]) =>
      use(
        name,
        [trailing, options],
        fc.array(fc.nat(4), { maxLength: 2 }).map((leading) => [...leading, ...trailing]),
      ),
    ),
);
