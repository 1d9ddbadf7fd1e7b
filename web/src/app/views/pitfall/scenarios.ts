import type { PitfallId } from '../../settings/pitfall';
import type { Group, Scenario } from './scenario';
import { architecture } from './texts/architecture';
import { batches } from './texts/batches';
import { modes } from './texts/modes';
import { numerics } from './texts/numerics';
import { statistics } from './texts/statistics';

export const groups: readonly Group[] = [modes, batches, statistics, numerics, architecture];

export const scenarios: readonly Scenario[] = groups.flatMap((group) => group.scenarios);

export function scenarioOf(id: PitfallId): Scenario {
  return scenarios.find((scenario) => scenario.id === id) as Scenario;
}
