import { type CurveStyle, TRAIN_DASH } from '../../charts/chart';
import { armName } from '../../settings/arms';
import { merge } from './merge';
import { BOTH, chart, type Figure, lossRange, type RunChart, stepTrack, testTrack } from './run-charts';

/** Images that the x axis shows at least. */
const LEAST_IMAGES = 1600;

/** An arm about to diverge must not press the others to the ground. */
const MOST_LOSS = 6;

/** Line widths of arms that have their normalization, and so their colour, in common. */
const WIDTHS = [2.5, 1.5, 3.5, 1];

/**
 * The chart of several arms: by training images, so that points above each other have seen as much. Of the loss, that of
 * the batches, smoothed, and in eval mode; of the accuracy, both modes on the test images.
 */
export function armsChart(figure: Figure, norms: readonly string[], classes: number): RunChart {
  const curves = norms.flatMap((norm, i): CurveStyle[] => {
    const width = WIDTHS[norms.slice(0, i).filter((one) => one === norm).length] as number;
    const style = { color: `--${norm}`, mark: armName(i), width };
    const solid = { ...style, label: `${armName(i)}: test, eval mode`, points: true };
    return figure === 'loss'
      ? [{ ...style, label: `${armName(i)}: batches, smoothed`, dash: TRAIN_DASH, mark: '' }, solid]
      : [solid, { ...style, label: `${armName(i)}: test, train mode`, dash: TRAIN_DASH, points: true, mark: '' }];
  });
  return {
    ...chart(figure, 'training images', classes, curves, LEAST_IMAGES, lossRange(1, MOST_LOSS)),
    data: (arms) =>
      merge(
        arms.flatMap(({ history, config }) => {
          const { batch } = config.peek();
          const { [figure]: curve, evaluations } = history;
          return figure === 'loss'
            ? [stepTrack(curve, batch, [curve.smooth]), testTrack(evaluations, batch, figure, ['eval'])]
            : [testTrack(evaluations, batch, figure, BOTH)];
        }),
      ),
  };
}
