import type { RunConfig } from '../../worker/protocol';
import type { Config } from '../settings';
import { armName } from '../settings/arms';
import { armConfigs, normTitle, runChanges, runConfig } from './arms';
import { plainMessage } from './explain';
import { count, describeValue, type Status, toldChanges } from './status';
import type { Progress, RunInfo } from './training';

export interface ArmParts {
  progress: Progress;
  run: RunInfo | null;
}

export interface TrainingParts {
  config: Config;
  asked: 'play' | 'step' | 'pause' | null;
  /** Why runs started over. */
  note: string;
  /** Arm A's first. */
  arms: readonly ArmParts[];
}

/** Which settings of which arms are others, for the note of why their runs start over; empty where it is plain to see. */
export function toldStart(previous: Config, next: Config): string {
  const [before, after] = [armConfigs(previous), armConfigs(next)];
  if (before.length !== after.length) return '';
  const told = after.map((config, i) => {
    const changes = runChanges(runConfig(before[i] as Config), runConfig(config));
    return toldChanges(changes as (keyof RunConfig)[], 'is now', config);
  });
  // What arm A has, others have from it.
  if (told[0] || after.length === 1) return told[0] ?? '';
  return told.map((text, i) => text && `arm ${armName(i)}, ${text}`).find(Boolean) ?? '';
}

export function trainingSentence(parts: TrainingParts): Status {
  const [first, ...others] = parts.arms;
  if (first && others.length === 0) return runSentence(first, parts);
  return armsSentence(parts);
}

function runSentence({ progress, run }: ArmParts, { asked, note, config }: TrainingParts): Status {
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
      const what = `${describeValue('model', config)} with ${normTitle(config)}, ${size}`;
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
        sentence: `Diverged: ${divergedWhere(progress)}. Lower the learning rate${config.norm === 'none' ? ' or choose a normalization' : ' and reset'}.`,
      };
    case 'failed': {
      const what = run ? `Stopped at step ${count(step)}` : 'Cannot start';
      return { key, sentence: `${what}: ${failure ? plainMessage(failure) : 'unknown error'}` };
    }
  }
}

/** The step, and the layer as the engine names it. */
export function divergedWhere({ step, failure }: Progress): string {
  const layer = /; (the first value .*)$/.exec(failure?.message ?? '')?.[1];
  return `the loss stopped being a finite number at step ${count(step)}${layer ? `; ${layer}` : ''}`;
}

function armsSentence({ config, asked, note, arms }: TrainingParts): Status {
  const phases = arms.map(({ progress }) => progress.phase);
  const reason = note ? `Started over: ${note}. ` : '';
  const running = phases.includes('running');
  const measuring = !running && arms.some(({ progress }) => progress.evaluating) ? ' Measuring test accuracy…' : '';
  const stopped = arms.map(stoppedClause).filter(Boolean).join(' ');
  const seen = Math.max(...arms.map(({ progress }, i) => progress.step * (armConfigs(config)[i]?.batch ?? 0)));
  const steps = arms.map(({ progress }, i) => `${armName(i)} at step ${count(progress.step)}`).join(', ');
  const key = `${phases} ${asked} ${measuring} ${note} ${running || steps}`;
  const all = `${arms.length} arms`;
  const say = (sentence: string) => ({ key, sentence: [sentence + measuring, stopped].filter(Boolean).join(' ') });
  if (asked === 'pause' && running) return say('Pausing…');
  if (running) {
    const speed = Math.max(...arms.map(({ progress }) => progress.allPerSecond));
    return say(
      `${reason}Training ${all}: ${count(seen)} images each${speed > 0 ? `, ${count(speed)} images/s in all` : ''}.`,
    );
  }
  if (asked === 'play') return say(`${reason}Training starts…`);
  if (phases.every((phase) => phase === 'diverged' || phase === 'failed')) return say('Stopped, all arms.');
  if (phases.includes('paused')) return say(`Paused: ${steps}.`);
  const preparing = arms.every(({ run, progress }) => run || progress.phase === 'failed')
    ? ''
    : ', preparing the networks';
  return say(
    `${reason}Ready: ${all} with the same first weights and the same images${preparing}. Press Play to train.`,
  );
}

/** Of an arm that has stopped by itself. */
function stoppedClause({ progress, run }: ArmParts, index: number): string {
  const { phase, step } = progress;
  const arm = `Arm ${armName(index)}`;
  if (phase === 'diverged') return `${arm} diverged at step ${count(step)}.`;
  if (phase === 'failed') return run ? `${arm} stopped at step ${count(step)}.` : `${arm} cannot start.`;
  return '';
}
