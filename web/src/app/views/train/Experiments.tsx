import { writeHash } from '../../hash';
import type { Config } from '../../settings';
import type { LabModel } from '../../state/lab';

interface Experiment {
  title: string;
  /** What to look at once it runs. */
  look: string;
  change: Partial<Config>;
}

const experiments: Experiment[] = [
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

/** What the experiments have in common; each was tried with it. */
const common: Partial<Config> = { placement: 'before', momentum: 0.9, decay: 0, seed: 1, layer: '' };

export function Experiments({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  return (
    <nav class="experiments" aria-labelledby="experiments-title">
      <h2 id="experiments-title">Worth seeing</h2>
      <ul>
        {experiments.map(({ title, look, change }) => (
          <li key={title} data-norm={change.norm}>
            <a href={writeHash({ ...config, ...common, ...change })}>{title}</a>
            <span>{look}</span>
          </li>
        ))}
      </ul>
    </nav>
  );
}
