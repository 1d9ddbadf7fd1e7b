import { writeHash } from '../../hash';
import type { Config } from '../../settings';
import type { LabModel } from '../../state/lab';

interface Experiment {
  title: string;
  /** What to look at once it runs. */
  look: string;
  change: Partial<Config>;
}

const single: Experiment[] = [
  {
    title: 'Averages that lag behind',
    look: 'Batches of 256. Press Step a few times: train mode learns at once, eval mode waits for its averages.',
    change: { norm: 'batch', model: 'smallcnn', batch: 256, lr: 0.02 },
  },
  {
    title: 'Two images a batch',
    look: 'With one value per channel and image, BatchNorm turns every pair into +1 and −1. Eval mode is another network.',
    change: { norm: 'batch', model: 'mlp', batch: 2, lr: 0.005 },
  },
  {
    title: 'The same with GroupNorm',
    look: 'Each image is normalized on its own: small batches do no harm, and the modes agree.',
    change: { norm: 'group', groups: 8, model: 'mlp', batch: 2, lr: 0.005 },
  },
  {
    title: 'One image a batch',
    look: 'PyTorch refuses to train this, and so does this page, in the same words.',
    change: { norm: 'batch', model: 'mlp', batch: 1, lr: 0.005 },
  },
  {
    title: 'A learning rate of 0.3',
    look: 'Without normalization the run diverges. Choose BatchNorm and play again: it holds.',
    change: { norm: 'none', model: 'mlp', batch: 32, lr: 0.3 },
  },
];

/** Arms beside each other. */
const compared: Experiment[] = [
  {
    title: 'BatchNorm against GroupNorm at batch 2',
    look: 'From the same first weights, two images a step: only one of them gets anywhere, and only one cares for the mode.',
    change: {
      norm: 'batch',
      model: 'mlp',
      batch: 2,
      lr: 0.005,
      arms: [{ norm: 'group' }, { norm: 'batch', renorm: true }],
    },
  },
  {
    title: 'Ten times the learning rate, with and without BatchNorm',
    look: 'Arms A and B have BatchNorm, C and D none. At 0.5 the one without ends in numbers that are none.',
    change: {
      ...{ norm: 'batch', model: 'mlp', batch: 32, lr: 0.05 },
      arms: [{ lr: 0.5 }, { norm: 'none' }, { norm: 'none', lr: 0.5 }],
    },
  },
  {
    title: 'Before or after the ReLU',
    look: 'The paper puts BatchNorm before the activation; many find after it as good.',
    change: { norm: 'batch', model: 'smallcnn', batch: 32, lr: 0.02, arms: [{ placement: 'after' }] },
  },
  {
    title: 'Four batch sizes, one BatchNorm',
    look: 'As many images for each. The smaller the batch, the farther train mode and eval mode are apart.',
    change: { norm: 'batch', model: 'mlp', batch: 32, lr: 0.01, arms: [{ batch: 8 }, { batch: 4 }, { batch: 2 }] },
  },
  {
    title: 'SGD, Adam and AdamW',
    look: 'Each at a rate that suits it, AdamW with the weight decay that PyTorch gives it.',
    change: {
      ...{ norm: 'batch', model: 'smallcnn', batch: 32, lr: 0.02 },
      arms: [
        { optimizer: 'adam', lr: 0.001 },
        { optimizer: 'adamW', lr: 0.001, decay: 0.01 },
      ],
    },
  },
  {
    title: 'A deep network without shortcuts',
    look: 'Without normalization nothing reaches its first layers. Watch inside shows the gradients vanish.',
    change: {
      norm: 'none',
      model: 'plain',
      batch: 32,
      lr: 0.02,
      watch: true,
      arms: [{ norm: 'batch' }],
    },
  },
];

/** What the experiments have in common; each was tried with it. */
const common: Partial<Config> = {
  ...{ placement: 'before', optimizer: 'sgd', momentum: 0.9, decay: 0, renorm: false, seed: 1, layer: '' },
  ...{ arms: [], arm: 'a' },
};

export function Experiments({ lab }: { lab: LabModel }) {
  return (
    <nav class="experiments" aria-labelledby="experiments-title">
      <h2 id="experiments-title">Worth seeing</h2>
      <List lab={lab} experiments={single} />
      <h3>Side by side</h3>
      <List lab={lab} experiments={compared} />
    </nav>
  );
}

function List({ lab, experiments }: { lab: LabModel; experiments: Experiment[] }) {
  const config = lab.config.value;
  return (
    <ul>
      {experiments.map(({ title, look, change }) => (
        <li key={title} data-norm={change.norm}>
          <a href={writeHash({ ...config, ...common, ...change })}>{title}</a>
          <span>{look}</span>
        </li>
      ))}
    </ul>
  );
}
