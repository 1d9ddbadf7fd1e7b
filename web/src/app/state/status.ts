import { type Config, format, type Setting, settings } from '../settings';
import { plainMessage } from './explain';
import type { EngineState, Progress, RunInfo } from './lab';

export interface StatusParts {
  engine: EngineState;
  progress: Progress;
  asked: 'play' | 'step' | 'pause' | null;
  note: string;
  run: RunInfo | null;
  config: Config;
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
export function statusSentence(parts: StatusParts): Status {
  const awaited = parts.asked === 'play' ? 'Training' : '';
  return engineSentence(parts.engine, awaited) ?? runSentence(parts);
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
    case 'unsupported':
      return {
        key: 'unsupported',
        sentence: 'This browser does not let the page start a worker, so it cannot train here.',
      };
    case 'ready':
      return null;
  }
}

function runSentence({ progress, asked, note, run, config }: StatusParts): Status {
  const { phase, step, epoch, imagesPerSecond, evaluating, failure } = progress;
  const reason = note ? `Started over: ${note}. ` : '';
  const measuring = evaluating ? ' Measuring test accuracy…' : '';
  const at = `step ${count(step)}, epoch ${count(epoch)}`;
  const key = `${phase} ${asked} ${evaluating && phase !== 'running'} ${note} ${phase === 'running' || step}`;
  if (asked === 'pause' && phase === 'running') return { key, sentence: `Pausing after ${at}…` };
  switch (phase) {
    case 'ready': {
      if (asked === 'play') return { key, sentence: `${reason}Training starts…` };
      const size = run ? `${count(run.parameters)} parameters` : 'preparing the network';
      const what = `${describeValue('model', config)} with ${config.norm === 'none' ? 'no normalization' : describeValue('norm', config)}, ${size}`;
      return { key, sentence: `${reason}Ready: ${what}. Press Play to train.${measuring}` };
    }
    case 'running': {
      const speed = imagesPerSecond > 0 ? `, ${count(imagesPerSecond)} images/s` : '';
      return { key, sentence: `${reason}Training: ${at}${speed}.` };
    }
    case 'paused':
      return { key, sentence: `Paused at ${at}.${measuring}` };
    case 'diverged':
      return {
        key,
        sentence: `Diverged: the loss stopped being a finite number at step ${count(step)}. Lower the learning rate${config.norm === 'none' ? ' or choose a normalization' : ' and reset'}.`,
      };
    case 'failed': {
      const what = run ? `Stopped at step ${count(step)}` : 'Cannot start';
      return { key, sentence: `${what}: ${failure ? plainMessage(failure) : 'unknown error'}` };
    }
  }
}
