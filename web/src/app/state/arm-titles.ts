import type { Config } from '../settings';
import type { ArmKey } from '../settings/arms';
import { armConfigs, equal, normTitle } from './arms';
import { describeValue } from './status';

/** What an arm has that not all of them have, in few words, behind its normalization. */
const SHORT: Record<Exclude<ArmKey, 'norm' | 'renorm'>, (config: Config) => string> = {
  groups: ({ norm, groups }) => (norm === 'group' ? `${groups} groups` : ''),
  placement: ({ norm, placement }) => (norm === 'none' ? '' : `${placement} activation`),
  batch: ({ batch }) => `batch ${batch}`,
  lr: ({ lr }) => `rate ${lr}`,
  optimizer: (config) => describeValue('optimizer', config),
  momentum: ({ optimizer, momentum }) => (optimizer === 'sgd' ? `momentum ${momentum}` : ''),
  decay: ({ decay }) => `decay ${decay}`,
};

/** What tells the arms apart, such as "GroupNorm, batch 2". */
export function armTitles(config: Config): string[] {
  const configs = armConfigs(config);
  const keys = (Object.keys(SHORT) as (keyof typeof SHORT)[]).filter((key) =>
    configs.some((one) => !equal(key, one[key], config[key])),
  );
  return configs.map((one) => [normTitle(one), ...keys.map((key) => SHORT[key](one))].filter(Boolean).join(', '));
}
