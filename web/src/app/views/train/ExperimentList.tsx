import '../../../styles/experiments.css';
import { writeHash } from '../../hash';
import type { Config } from '../../settings';
import type { LabModel } from '../../state/lab';

export interface Experiment {
  title: string;
  /** What to look at once it runs. */
  look: string;
  change: Partial<Config>;
}

/** What the experiments have in common; each was tried with it. */
const common: Partial<Config> = {
  ...{ placement: 'before', optimizer: 'sgd', momentum: 0.9, decay: 0, renorm: false, seed: 1, layer: '' },
  ...{ arms: [], arm: 'a' },
};

export function ExperimentList({ lab, experiments }: { lab: LabModel; experiments: Experiment[] }) {
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
