import type { LabModel } from '../../state/lab';
import { type Experiment, ExperimentList } from './ExperimentList';

/** Arms beside each other. */
const experiments: Experiment[] = [
  {
    title: 'BatchNorm against GroupNorm at batch 2',
    look: 'With two images a step BatchNorm gets nowhere near GroupNorm. Batch Renorm, arm C, is in between.',
    change: {
      norm: 'batch',
      model: 'mlp',
      batch: 2,
      lr: 0.005,
      arms: [{ norm: 'group' }, { renorm: true }],
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

export default function Comparisons({ lab }: { lab: LabModel }) {
  return (
    <>
      <h3>Side by side</h3>
      <ExperimentList lab={lab} experiments={experiments} />
    </>
  );
}
