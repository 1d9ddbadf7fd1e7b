import { lazy } from '../../components/lazy';
import type { LabModel } from '../../state/lab';
import { type Experiment, ExperimentList } from './ExperimentList';

const Comparisons = lazy(() => import('./Comparisons'), { inSight: true });

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

export function Experiments({ lab }: { lab: LabModel }) {
  return (
    <nav class="experiments" aria-labelledby="experiments-title">
      <h2 id="experiments-title">Worth seeing</h2>
      <ExperimentList lab={lab} experiments={experiments} />
      <Comparisons lab={lab} />
    </nav>
  );
}
