import { blame } from './failure.js';

/**
 * @typedef {object} SamplingSettings those that have an effect
 * @property {boolean} [sortByClass]
 * @property {boolean} [sortTestByClass]
 * @property {number} [crop] pixels
 * @property {boolean} [flip]
 *
 * @typedef {object} Sampling
 * @property {boolean} sortByClass as `trainer.fit` takes it
 * @property {boolean} sortTestByClass as `model.evaluate` takes it, in train mode
 * @property {import('../engine-dataset.js').Augment | null} augment
 */

/**
 * Runs what tells whether images can be augmented as they are to be, where they are to be.
 *
 * @param {SamplingSettings} options
 * @param {() => unknown} work
 */
export async function blameAugment({ crop, flip }, work) {
  if (crop !== undefined || flip) await blame(crop === undefined ? '--flip' : `--crop ${crop}`, work);
}

/**
 * @param {SamplingSettings} options
 * @returns {{ sampling: Sampling, settings: SamplingSettings }} how images are read, and what is reported of it
 */
export function chooseSampling({ sortByClass = false, sortTestByClass = false, crop = 0, flip = false }) {
  return {
    sampling: { sortByClass, sortTestByClass, augment: crop > 0 || flip ? { crop, flip } : null },
    settings: {
      ...(sortByClass && { sortByClass }),
      ...(sortTestByClass && { sortTestByClass }),
      ...(crop > 0 && { crop }),
      ...(flip && { flip }),
    },
  };
}

/** @param {SamplingSettings} settings @returns {string} a line of it, empty where images are read as usual */
export const samplingTitle = ({ sortByClass, sortTestByClass, crop, flip }) =>
  [
    ...(sortByClass ? ['trained on class after class'] : []),
    ...(sortTestByClass ? ['tested in train mode on class after class'] : []),
    ...(crop ? [`random crops of ${crop} pixels`] : []),
    ...(flip ? ['random mirroring'] : []),
  ].join(', ');
