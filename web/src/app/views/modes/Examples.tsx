import '../../../styles/experiments.css';
import { writeHash } from '../../hash';
import type { Config } from '../../settings';
import type { LabModel } from '../../state/lab';

interface Example {
  title: string;
  /** What to look at. */
  look: string;
  change: Partial<Config>;
}

const examples: Example[] = [
  {
    title: 'Four images a batch',
    look: 'Train mode guesses mean and variance from four images. Press Keep reshuffling and watch one image’s logits.',
    change: { modesBatch: 4 },
  },
  {
    title: 'One class a batch',
    look: 'The same images, sorted: in train mode accuracy falls to little more than guessing, eval mode does not notice.',
    change: { modesBatch: 32, modesOrder: 'sorted' },
  },
  {
    title: 'Statistics not warmed up',
    look: 'After ten steps the running statistics lag behind the weights: eval mode is the worse one. Press Recalibrate.',
    change: { modesBatch: 64, modesSteps: 10, modesModel: 'smallcnn' },
  },
  {
    title: 'One image',
    look: 'PyTorch’s error in train mode, an answer in eval mode.',
    change: { modesBatch: 1 },
  },
  {
    title: 'One image and convolutions',
    look: 'Here one image has hundreds of values a channel: no error, and modes that are near each other.',
    change: { modesBatch: 1, modesModel: 'smallcnn' },
  },
  {
    title: 'GroupNorm',
    look: 'Each image is normalized by itself: both modes are one.',
    change: { modesNorm: 'group' },
  },
];

/** What the examples have in common. */
const common: Partial<Config> = {
  modesSource: 'ready',
  modesModel: 'mlp',
  modesNorm: 'batch',
  modesSteps: 200,
  modesOrder: 'random',
  modesSet: 0,
  modesLayer: '',
  modesImage: 0,
};

export function Examples({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  return (
    <nav class="experiments" aria-labelledby="examples-title">
      <h2 id="examples-title">Worth seeing</h2>
      <ul>
        {examples.map(({ title, look, change }) => (
          <li key={title} data-norm={change.modesNorm ?? 'batch'}>
            <a href={writeHash({ ...config, ...common, ...change })}>{title}</a>
            <span>{look}</span>
          </li>
        ))}
      </ul>
    </nav>
  );
}
