import type { SweepPlan, SweepResult } from '../../../worker/protocol';
import { settings } from '../../settings';
import { plainMessage } from '../../state/explain';
import { count, type Status } from '../../state/status';
import type { SweepActivity } from './sweep';

interface Parts {
  activity: SweepActivity;
  plan: SweepPlan;
  /** Runs of the plan. */
  total: number;
  results: readonly SweepResult[];
}

/** One sentence on what the sweep is doing, for the status line. */
export function sweepSentence({ activity, plan, total, results }: Parts): Status {
  const { phase, secondsLeft, note, failure } = activity;
  const done = results.length;
  const failed = results.filter(({ error }) => error).length;
  const failures = failed > 0 ? `, ${count(failed)} of them failed` : '';
  const here = `${count(done)} of ${runs(total)} finished${failures}`;
  const key = `${phase} ${phase === 'running' ? note : `${done} ${total} ${plan.model} ${plan.images} ${plan.epochs}`}`;
  switch (phase) {
    case 'running': {
      const change = note ? `${note}. ` : '';
      const left = secondsLeft === null ? '' : ` About ${duration(secondsLeft)} left.`;
      return { key, sentence: `${change}Running: ${here}.${left}` };
    }
    case 'failed':
      return { key, sentence: `Stopped: ${failure ? plainMessage(failure) : 'unknown error'} ${here}.` };
    case 'cancelled':
      return { key, sentence: `Cancelled: ${here}${done > 0 ? ' and kept' : ''}. Resume makes the rest.` };
    case 'idle': {
      if (done === total) return { key, sentence: `Done: ${runs(total)} finished${failures}.` };
      if (done > 0) return { key, sentence: `Ready: ${here} already. Resume makes the rest.` };
      const model = settings.sweepModel.choices.find(({ value }) => value === plan.model)?.label ?? plan.model;
      const epochs = plan.epochs === 1 ? 'one epoch' : `${plan.epochs} epochs`;
      return {
        key,
        sentence: `Ready: ${runs(total)} of ${epochs} on ${count(plan.images)} images, ${model}. Press Run.`,
      };
    }
  }
}

function runs(number: number): string {
  return number === 1 ? '1 run' : `${count(number)} runs`;
}

/** A time to wait for, no more exact than it is known. */
function duration(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 10 ? `${minutes} min ${10 * Math.floor((seconds % 60) / 10)} s` : `${minutes} min`;
}
