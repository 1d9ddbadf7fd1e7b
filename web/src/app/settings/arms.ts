import type { RunConfig } from '../../worker/protocol';
import { clip, format, parse, type Setting } from './schema';

/*
 * Arms are runs beside each other. What the settings of a run say is arm A; of each further arm stands here what it has
 * other than arm A, and all else it has from there. In a link: arms=norm:group;norm:none,lr:0.2
 */

export const ARM_IDS = ['a', 'b', 'c', 'd'] as const;

/** What arms can differ in: all but network and seed, so that they share first weights and the order of the images. */
export const ARM_KEYS = [
  'norm',
  'groups',
  'renorm',
  'placement',
  'batch',
  'lr',
  'optimizer',
  'momentum',
  'decay',
] as const satisfies (keyof RunConfig)[];

export type ArmKey = (typeof ARM_KEYS)[number];
export type ArmChange = Partial<Pick<RunConfig, ArmKey>>;
type ArmSettings = Readonly<Record<ArmKey, Setting>>;

/** An arm that is all as arm A. */
const SAME = 'same';

export function formatArms(settings: ArmSettings, arms: readonly ArmChange[]): string {
  return arms.map((change) => formatChange(settings, change)).join(';');
}

function formatChange(settings: ArmSettings, change: ArmChange): string {
  const parts = ARM_KEYS.flatMap((key) => {
    const value = change[key];
    return value === undefined ? [] : [`${key}:${format(settings[key], value)}`];
  });
  return parts.join(',') || SAME;
}

/** Takes what it understands; of all else says what is wrong with it. */
export function parseArms(settings: ArmSettings, text: string): { value: ArmChange[]; problem?: string } {
  if (text === '') return { value: [] };
  const room = ARM_IDS.length - 1;
  const parts = text.split(';');
  const problems = parts.length > room ? [`There is room for ${room} further arms, not for ${parts.length}`] : [];
  const value = parts.slice(0, room).map((part, i) => parseChange(settings, part, `Arm ${armName(i + 1)}`, problems));
  return { value, ...(problems.length > 0 && { problem: problems.join('. ') }) };
}

function parseChange(settings: ArmSettings, text: string, arm: string, problems: string[]): ArmChange {
  const change: ArmChange = {};
  if (text === SAME) return change;
  for (const part of text.split(',')) {
    const [name = '', ...rest] = part.split(':');
    const key = ARM_KEYS.find((one) => one === name);
    if (key) {
      const { value, problem } = parse(settings[key], rest.join(':'));
      Object.assign(change, { [key]: value });
      if (problem) problems.push(`${arm}: ${problem}`);
    } else problems.push(`${arm}: "${clip(name)}" is none of ${ARM_KEYS.join(', ')}`);
  }
  return change;
}

/** A to D. */
export function armName(index: number): string {
  return (ARM_IDS[index] as string).toUpperCase();
}
