import { UsageError } from './failure.js';

/**
 * @typedef {import('./options.js').TrainingOptions} TrainingOptions
 * @typedef {import('../trainer.js').TrainerOptions} TrainerOptions
 *
 * @typedef {object} OptimizerSettings
 * @property {'sgd' | 'adam' | 'adamW'} optimizer
 * @property {number} lr
 * @property {number} [momentum] of sgd
 * @property {number} weightDecay
 * @property {'constant' | 'cosine' | 'linear'} [schedule]
 * @property {number} [warmup] steps
 * @property {number} [clipGradNorm]
 * @property {number} [labelSmoothing]
 * @property {'all' | 'weights'} [decay] what weight decay acts on
 * @property {number} [replicas]
 * @property {boolean} [syncBatchNorm]
 * @property {number} [accumulate] micro-batches
 * @property {number} [ghostBatch] images in one at most
 */

/** PyTorch's own for Adam; SGD has none there. */
const RATES = { sgd: 0.01, adam: 1e-3, adamW: 1e-3 };
const DECAYS = { sgd: 0, adam: 0, adamW: 1e-2 };

/**
 * @param {TrainingOptions} options
 * @param {(name: keyof TrainingOptions) => boolean} given whether an option was typed
 * @returns {{ trainer: TrainerOptions, settings: OptimizerSettings }} what nl.trainer takes, and what is reported of it
 */
export function chooseOptimizer(options, given) {
  const { optimizer: type, momentum, schedule, warmup, clipGradNorm, labelSmoothing, decay } = options;
  const { replicas, syncBatchNorm = false, accumulate, ghostBatch } = options;
  if (type !== 'sgd' && given('momentum')) throw new UsageError(`--momentum: ${type} has none, only sgd does`);
  const { lr = RATES[type], weightDecay = DECAYS[type] } = options;
  const own = type === 'sgd' ? { momentum } : {};
  const spares = decay === 'weights';
  /** @type {OptimizerSettings} */
  const settings = { optimizer: type, lr, ...own, weightDecay };
  if (schedule !== 'constant') settings.schedule = schedule;
  if (warmup > 0) settings.warmup = warmup;
  if (clipGradNorm !== undefined) settings.clipGradNorm = clipGradNorm;
  if (labelSmoothing > 0) settings.labelSmoothing = labelSmoothing;
  if (spares) settings.decay = decay;
  if (replicas > 1) settings.replicas = replicas;
  if (syncBatchNorm) settings.syncBatchNorm = true;
  if (accumulate > 1) settings.accumulate = accumulate;
  if (ghostBatch !== undefined) settings.ghostBatch = ghostBatch;
  return {
    trainer: {
      optimizer: { type, lr, weightDecay, ...own },
      schedule: { type: schedule, warmup },
      clipGradNorm: clipGradNorm ?? null,
      labelSmoothing,
      decayNorms: !spares,
      decayBiases: !spares,
      replicas,
      syncBatchNorm,
      accumulate,
      ghostBatch: ghostBatch ?? null,
    },
    settings,
  };
}

/** @param {OptimizerSettings} settings @returns {string} a line of it */
export function optimizerTitle({ optimizer, lr, momentum, weightDecay, schedule, warmup, clipGradNorm, ...rest }) {
  return [
    ...(optimizer === 'sgd' ? [] : [optimizer]),
    `lr ${lr}`,
    ...(momentum === undefined ? [] : [`momentum ${momentum}`]),
    ...(weightDecay ? [`weight decay ${weightDecay}${rest.decay ? ' of weights alone' : ''}`] : []),
    ...(schedule ? [`${schedule} schedule`] : []),
    ...(warmup ? [`warm-up of ${warmup} steps`] : []),
    ...(clipGradNorm === undefined ? [] : [`gradient norm at most ${clipGradNorm}`]),
    ...(rest.labelSmoothing ? [`label smoothing ${rest.labelSmoothing}`] : []),
    ...(rest.replicas ? [`${rest.replicas} replicas${rest.syncBatchNorm ? ' with statistics in common' : ''}`] : []),
    ...(rest.accumulate ? [`${rest.accumulate} micro-batches`] : []),
    ...(rest.ghostBatch ? [`ghost batches of ${rest.ghostBatch}`] : []),
  ].join(', ');
}
