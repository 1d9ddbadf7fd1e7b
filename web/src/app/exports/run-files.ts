import { writeHash } from '../hash';
import type { LabModel } from '../state/lab';
import { csv, json } from './save';

const COLUMNS = ['step', 'loss', 'accuracy', 'evalLoss', 'evalAccuracy', 'trainModeLoss', 'trainModeAccuracy'];

/** What is known of one step. In long runs a row of training is the mean of the steps since the row before. */
type Row = Partial<Record<(typeof COLUMNS)[number], number>>;

/** The curves: a line for each step of training and each evaluation, those of one step in one line. */
export function runCsv(lab: LabModel): string {
  return csv(COLUMNS, rowsOf(lab));
}

/** The configuration, how the run went, and what the two modes came to. */
export function runJson(lab: LabModel): string {
  const { view: _, embed: __, ...configuration } = lab.config.peek();
  const engine = lab.engine.peek();
  const { loss, evaluations } = lab.history.peek();
  return json({
    normlab: 1,
    link: location.href.split('#')[0] + writeHash(lab.config.peek()),
    variant: engine.phase === 'ready' ? engine.variant : null,
    configuration,
    steps: lab.progress.peek().step,
    /** Steps that one entry of the history stands for. */
    stride: loss.stride,
    history: rowsOf(lab).filter((row) => row.loss !== undefined),
    evaluations,
  });
}

function rowsOf(lab: LabModel): Row[] {
  const { loss, accuracy, evaluations } = lab.history.peek();
  const rows = new Map<number, Row>();
  const row = (step: number) => {
    const found = rows.get(step) ?? { step };
    rows.set(step, found);
    return found;
  };
  for (let i = 0; i < loss.length; i++) {
    Object.assign(row(loss.steps[i] as number), { loss: loss.mean[i], accuracy: accuracy.mean[i] });
  }
  for (const { step, eval: evalMode, train } of evaluations) {
    Object.assign(row(step), {
      evalLoss: evalMode?.loss,
      evalAccuracy: evalMode?.accuracy,
      trainModeLoss: train?.loss,
      trainModeAccuracy: train?.accuracy,
    });
  }
  return [...rows.values()].sort((a, b) => (a.step as number) - (b.step as number));
}
