import type { Draw, Subject } from '../../../worker/modes-plan';
import { deviation, figure, plural, predictionOf } from './modes-explain';

/** What the draws so far show. */
export function explainMates(subject: Subject, draws: readonly Draw[], names: readonly string[]): string {
  const trains = draws.flatMap(({ train }) => ('failure' in train ? [] : [train]));
  const still = 'Eval mode gave the same ten logits each time, to the bit.';
  // Of the draws that there are: others may be on their way.
  const companions = draws.at(-1)?.companions.length ?? 0;
  if (draws.length === 0) return '';
  if (companions === 0) {
    return trains.length > 0
      ? 'Alone in its batch, the image has no companions to depend on. Take 2 or more images.'
      : 'Alone in its batch, one image has one value a channel here, and a single value has no variance. Eval mode answers all the same.';
  }
  if (draws.length < 2 || trains.length < draws.length) return '';
  const spreads = (trains[0] ?? []).map((_, k) => deviation(trains.map((logits) => logits[k] as number)));
  const most = Math.max(...spreads);
  const count = `${plural(draws.length, 'draw')} of ${plural(companions, 'companion')}.`;
  if (most === 0) {
    const why = subject.norm === 'none' ? 'nothing is normalized' : 'each image is normalized by itself';
    return `${count} ${still} So did train mode: ${why}, and companions do not matter.`;
  }
  const name = names[spreads.indexOf(most)];
  return `${count} ${still} In train mode they moved, that of ${name} most, by ${figure(most)} (standard deviation), for each companion has a share in mean and variance. The label in train mode: ${labels(trains, names)}.`;
}

/** How often each label came, the most frequent first. */
function labels(draws: readonly number[][], names: readonly string[]): string {
  const counts = new Map<number, number>();
  for (const logits of draws) {
    const { label } = predictionOf(logits);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const most = [...counts].sort(([, a], [, b]) => b - a);
  if (most.length === 1) return `always ${names[most[0]?.[0] ?? 0]}`;
  return most.map(([label, times]) => `${names[label]} ${times}×`).join(', ');
}
