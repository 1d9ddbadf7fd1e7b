import { type Config, format, type Setting, settings } from '../settings';
import { plainMessage } from './explain';
import type { EngineState } from './lab';
import { type TrainingParts, trainingSentence } from './training-status';

export interface StatusParts extends TrainingParts {
  engine: EngineState;
}

export interface Status {
  /** Equal keys are the same situation, further on. */
  key: string;
  sentence: string;
}

const whole = new Intl.NumberFormat('en');

export function count(value: number): string {
  return whole.format(Math.round(value));
}

/** A setting's value as its control shows it. */
export function describeValue(key: keyof Config, config: Config): string {
  const setting: Setting = settings[key];
  const value = config[key];
  if (setting.kind !== 'choice' && setting.kind !== 'list') return format(setting, value);
  return [value]
    .flat()
    .map((one) => setting.choices.find((choice) => choice.value === one)?.label ?? String(one))
    .join(', ');
}

/** What has changed to what, for the status line. */
export function toldChanges(keys: readonly (keyof Config)[], verb: string, config: Config): string {
  return keys.map((key) => `${settings[key].label} ${verb} ${describeValue(key, config)}`).join(', ');
}

/** One sentence on what is happening, for the status line. */
export function statusSentence({ engine, ...parts }: StatusParts): Status {
  const awaited = parts.asked === 'play' ? 'Training' : '';
  return engineSentence(engine, awaited) ?? trainingSentence(parts);
}

/** What is to be said while nothing can be computed; `awaited` starts once it can. */
export function engineSentence(engine: EngineState, awaited: string): Status | null {
  switch (engine.phase) {
    case 'loading': {
      const share = engine.loaded === null ? '' : ` ${Math.round(100 * engine.loaded)} %.`;
      const next = awaited && ` ${awaited} starts as soon as they are here.`;
      return { key: `loading ${awaited}`, sentence: `Loading the engine and the images…${share}${next}` };
    }
    case 'dead':
      return { key: 'dead', sentence: `The engine has stopped: ${plainMessage(engine.failure)}` };
    case 'ready':
      return null;
  }
}
