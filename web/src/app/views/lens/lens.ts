import { computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { type Four, fittingShape, type LensQuestion, sharers, statisticOf } from '../../../worker/lens-input';
import type { LensAnswer } from '../../../worker/services/lens';
import type { Config } from '../../settings';
import { MOST_BATCHES } from '../../settings/lens';
import type { LabModel } from '../../state/lab';

/** A moving cell is written to the link once it rests: browsers allow a page to change its address so often. */
const REST_MS = 400;
const SETTLE_MS = 100;
/** Between two batches that stream; slow enough to see each. */
const BATCH_MS = 180;

export interface Lens {
  /** The cell under the pointer, else the one that was chosen. */
  readonly cell: ReadonlySignal<Four>;
  /** The one that was chosen, by key or click. */
  readonly chosen: ReadonlySignal<Four>;
  /** The cell once it has been looked at for a moment, for what costs more to draw. */
  readonly settled: ReadonlySignal<Four>;
  choose(cell: Four): void;
  hover(cell: Four | null): void;
  /** Batches go through the layer one after the other. */
  readonly streaming: Signal<boolean>;
  /** Has the next batch go through. */
  next(): void;
  /** Back to the first batch. */
  startOver(): void;
}

/** Which cell is looked at. */
export function lensOf(lab: LabModel): Lens {
  return lab.tab('lens', () => {
    const moved = signal<Four | null>(null);
    const hovered = signal<Four | null>(null);
    const within = (cell: Four) => clamp(cell, shapeOf(lab.config.value));
    const chosen = computed(() => within(moved.value ?? cellOf(lab.config.value)));
    let rest: ReturnType<typeof setTimeout> | undefined;
    // A link, or an undone change, says where to look.
    let written = lab.config.peek().lensCell;
    effect(() => {
      const { lensCell } = lab.config.value;
      if (lensCell !== written) {
        clearTimeout(rest);
        moved.value = null;
      }
      written = lensCell;
    });
    const cell = computed(() => (hovered.value ? within(hovered.value) : chosen.value));
    const rested = signal(cell.peek());
    let settling: ReturnType<typeof setTimeout> | undefined;
    effect(() => {
      const next = cell.value;
      clearTimeout(settling);
      settling = setTimeout(() => {
        rested.value = next;
      }, SETTLE_MS);
    });
    const streaming = signal(false);
    const next = () => {
      const { lensAt } = lab.config.peek();
      if (lensAt < MOST_BATCHES) lab.set('lensAt', lensAt + 1);
      else streaming.value = false;
    };
    effect(() => {
      if (!streaming.value) return;
      const timer = setInterval(next, BATCH_MS);
      return () => clearInterval(timer);
    });
    return {
      streaming,
      next,
      startOver() {
        streaming.value = false;
        lab.set('lensAt', 0);
      },
      chosen,
      cell,
      settled: computed(() => within(rested.value)),
      choose(next) {
        moved.value = next;
        clearTimeout(rest);
        rest = setTimeout(() => {
          written = within(next).join(',');
          lab.set('lensCell', written);
        }, REST_MS);
      },
      hover(next) {
        hovered.value = next;
      },
    };
  });
}

export function shapeOf({ lensN, lensC, lensH, lensW }: Config): Four {
  return fittingShape([lensN, lensC, lensH, lensW]);
}

/** Without one in the link, the second cell of the second row. */
function cellOf({ lensCell }: Config): Four {
  return lensCell ? (lensCell.split(',').map(Number) as unknown as Four) : [0, 0, 1, 1];
}

function clamp(cell: Four, shape: Four): Four {
  return cell.map((value, i) => Math.max(0, Math.min(value, (shape[i] as number) - 1))) as unknown as Four;
}

export function questionOf(config: Config, cell: Four): LensQuestion {
  return {
    input: {
      source: config.lensSource,
      shape: shapeOf(config),
      mean: config.lensMean,
      scale: config.lensScale,
      spread: config.lensSpread,
      alike: config.lensAlike,
      outlier: config.lensOutlier,
      drift: config.lensDrift,
      seed: config.lensSeed,
    },
    layer: {
      norm: config.lensNorm,
      groups: config.lensGroups,
      eps: config.lensEps,
      gamma: config.lensGamma,
      beta: config.lensBeta,
      ramp: config.lensRamp,
    },
    mode: config.lensMode,
    upstream: config.lensUpstream,
    // Where it makes no difference nothing is asked anew.
    cell: config.lensUpstream === 'cell' ? cell : [0, 0, 0, 0],
    at: config.lensAt,
    momentum: config.lensMomentum,
    runningVar: config.lensRunningVar,
  };
}

/** The cells that share mean and variance with one, and what these are. */
export interface Sharing {
  m: number;
  /** Whether the channel c of image n is among them. */
  lit: (n: number, c: number) => boolean;
  /** Place among the layer's statistics. */
  statistic: number;
}

export function sharingOf({ layer, input }: LensQuestion, cell: Four): Sharing {
  const at = (n: number, c: number) => statisticOf(layer, input.shape, n, c);
  const statistic = at(cell[0], cell[1]);
  return { m: sharers(layer, input.shape), lit: (n, c) => at(n, c) === statistic, statistic };
}

/** What the layer made of the batch, in the mode that was asked for; null where it refused. */
export function shownOf(answer: LensAnswer) {
  const shown = answer[answer.question.mode];
  return 'y' in shown ? shown : null;
}
