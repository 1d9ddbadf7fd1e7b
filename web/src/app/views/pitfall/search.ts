import type { Choice } from '../../settings';
import { pitfallSettings } from '../../settings/pitfall';
import type { Scenario } from './scenario';
import { groups } from './scenarios';

export const titleOf = (id: string) =>
  (pitfallSettings.pitfall.choices as readonly Choice<string>[]).find(({ value }) => value === id)?.label ?? id;

/** Lower case, with what keyboards have in place of what print has. */
const plain = (text: string) => text.toLowerCase().replaceAll('ε', 'eps').replaceAll('’', "'");

const textOf = ({ id, symptom, cause, fix, wrong, right }: Scenario) =>
  plain([titleOf(id), symptom, cause, fix, wrong, right].join(' '));

/** The groups with those scenarios that have every word, or the beginning of one, in their text. */
export function found(query: string) {
  const words = plain(query).split(/\s+/).filter(Boolean);
  return groups
    .map(({ title, scenarios }) => ({
      title,
      scenarios: scenarios.filter((scenario) => words.every((word) => textOf(scenario).includes(word))),
    }))
    .filter((group) => group.scenarios.length > 0);
}
