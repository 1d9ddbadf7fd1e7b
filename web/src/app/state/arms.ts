import type { NormName, RunConfig } from '../../worker/protocol';
import { type Config, format, type Setting, settings } from '../settings';
import { ARM_IDS, ARM_KEYS, type ArmChange, type ArmKey } from '../settings/arms';
import { describeValue } from './status';

/* How the arms follow from the configuration, and how the configuration changes with them. Nothing here has a state. */

export const MOST_ARMS = ARM_IDS.length;

const RUN_KEYS = ['data', 'weights', 'model', 'seed', ...ARM_KEYS] as const;

/** The configuration as each arm has it, arm A's first. */
export function armConfigs(config: Config): Config[] {
  return [config, ...config.arms.map((change) => ({ ...config, ...change }))];
}

export function runConfig(config: Config): RunConfig {
  return Object.fromEntries(RUN_KEYS.map((key) => [key, config[key]])) as unknown as RunConfig;
}

/** Place of the arm that is chosen. */
export function chosenArm({ arm, arms }: Config): number {
  return Math.min(ARM_IDS.indexOf(arm), arms.length);
}

/** Which of a run's settings are others. */
export function runChanges(before: RunConfig, after: RunConfig): (keyof RunConfig)[] {
  return RUN_KEYS.filter((key) => !equal(key, before[key], after[key]));
}

/** Changes a setting of one arm. Arm A's is everybody's who has none of their own. */
export function withSetting<K extends keyof Config>(config: Config, index: number, key: K, value: Config[K]): Config {
  const change = config.arms[index - 1];
  if (!change || !isArmKey(key)) return { ...config, [key]: value };
  const { [key]: _, ...rest } = change;
  const next = equal(key, value, config[key]) ? rest : { ...rest, [key]: value };
  return { ...config, arms: config.arms.map((one, i) => (i === index - 1 ? next : one)) };
}

/** The normalizations that a new arm takes, the first that no arm has. */
const NEXT: readonly NormName[] = ['batch', 'group', 'layer', 'none', 'rms', 'instance'];

/** Adds a copy of the chosen arm with another normalization, and chooses it. */
export function withArm(config: Config): Config {
  const configs = armConfigs(config);
  if (configs.length >= MOST_ARMS) return config;
  const norm = NEXT.find((one) => configs.every((each) => each.norm !== one)) ?? 'none';
  const copy = { ...(configs[chosenArm(config)] as Config), norm, renorm: false };
  return choosing({ ...config, arms: [...config.arms, differences(config, copy)] }, configs.length);
}

/** Takes out the chosen arm, unless it is the only one. Those behind it move up. */
export function withoutArm(config: Config): Config {
  const index = chosenArm(config);
  const [first, ...others] = armConfigs(config).filter((_, i) => i !== index);
  if (!first) return config;
  const base = { ...config, ...runConfig(first) };
  return choosing({ ...base, arms: others.map((one) => differences(base, one)) }, Math.min(index, others.length));
}

export function choosing(config: Config, index: number): Config {
  return { ...config, arm: ARM_IDS[index] as Config['arm'] };
}

function differences(base: Config, config: Config): ArmChange {
  return Object.fromEntries(
    ARM_KEYS.filter((key) => !equal(key, base[key], config[key])).map((key) => [key, config[key]]),
  );
}

/** Whether two values of a setting are the same. */
export function equal<K extends keyof Config>(key: K, a: Config[K], b: Config[K]): boolean {
  const setting: Setting = settings[key];
  return format(setting, a) === format(setting, b);
}

function isArmKey(key: keyof Config): key is ArmKey {
  return (ARM_KEYS as readonly string[]).includes(key);
}

export function normTitle(config: Config): string {
  if (config.norm === 'none') return 'no normalization';
  return config.norm === 'batch' && config.renorm ? 'Batch Renorm' : describeValue('norm', config);
}
