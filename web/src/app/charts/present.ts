import { signal } from '@preact/signals';
import type { CurveChart } from './curve-chart';

/** The charts that stand in the page now, in the order in which they came. */
export const present = signal<readonly CurveChart[]>([]);

export function enter(chart: CurveChart): () => void {
  present.value = [...present.peek(), chart];
  return () => {
    present.value = present.peek().filter((one) => one !== chart);
  };
}
