import { writeHash } from '../hash';
import { armName } from '../settings/arms';
import type { LabModel } from '../state/lab';
import type { Arm } from '../state/training';
import { csv, json } from './save';

const FIGURES = ['step', 'loss', 'accuracy', 'evalLoss', 'evalAccuracy', 'trainModeLoss', 'trainModeAccuracy'] as const;

/** What is known of one step. In long runs a row of training is the mean of the steps since the row before. */
type Row = Partial<Record<(typeof FIGURES)[number], number>>;

/** The curves: a line for each step of training and each evaluation of each arm, those of one step in one line. */
export function runCsv(lab: LabModel): string {
  const rows = lab.arms.peek().flatMap((arm, i) => rowsOf(arm).map((row) => ({ arm: armName(i), ...row })));
  return csv(['arm', ...FIGURES], rows);
}

/** What each arm is, how its run went, and what the two modes came to. */
export function runJson(lab: LabModel): string {
  const engine = lab.engine.peek();
  return json({
    normlab: 1,
    link: location.href.split('#')[0] + writeHash(lab.config.peek()),
    variant: engine.phase === 'ready' ? engine.variant : null,
    arms: lab.arms.peek().map((arm, i) => ({
      arm: armName(i),
      configuration: arm.config.peek(),
      steps: arm.progress.peek().step,
      /** Steps that one entry of the history stands for. */
      stride: arm.history.loss.stride,
      history: rowsOf(arm).filter((row) => row.loss !== undefined),
      evaluations: arm.history.evaluations,
    })),
  });
}

function rowsOf({ history: { loss, accuracy, evaluations } }: Arm): Row[] {
  const rows = new Map<number, Row>();
  const put = (step: number, figures: Row) => rows.set(step, { ...(rows.get(step) ?? { step }), ...figures });
  for (let i = 0; i < loss.length; i++) {
    put(loss.steps[i] as number, { loss: loss.mean[i] as number, accuracy: accuracy.mean[i] as number });
  }
  for (const { step, eval: evalMode, train } of evaluations) {
    put(step, {
      ...(evalMode && { evalLoss: evalMode.loss, evalAccuracy: evalMode.accuracy }),
      ...(train && { trainModeLoss: train.loss, trainModeAccuracy: train.accuracy }),
    });
  }
  return [...rows.values()].sort((a, b) => (a.step as number) - (b.step as number));
}
