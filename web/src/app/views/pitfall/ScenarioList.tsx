import { useSignal } from '@preact/signals';
import { Folded } from '../../components/Folded';
import { writeHash } from '../../hash';
import type { LabModel } from '../../state/lab';
import { scenarios } from './scenarios';
import { found, titleOf } from './search';

/** All scenarios, or those that have what was typed. Each is a link, which can be copied. */
export function ScenarioList({ lab }: { lab: LabModel }) {
  const query = useSignal('');
  const config = lab.config.value;
  const groups = found(query.value);
  const count = groups.reduce((sum, group) => sum + group.scenarios.length, 0);
  return (
    <Folded title="Scenarios" values={titleOf(config.pitfall)} until={config.pitfall}>
      <label class="search">
        <span>What do you see?</span>
        <input
          type="search"
          placeholder="nan, eval, batch of 1 …"
          value={query.value}
          onInput={(event) => {
            query.value = event.currentTarget.value;
          }}
        />
      </label>
      <p class="help" aria-live="polite">
        {query.value && (count === 0 ? 'No scenario has these words.' : `${count} of ${scenarios.length} scenarios`)}
      </p>
      <nav class="scenarios" aria-label="Scenarios">
        {groups.map((group) => (
          <section key={group.title}>
            <h2>{group.title}</h2>
            <ul>
              {group.scenarios.map(({ id }) => (
                <li key={id}>
                  <a
                    href={writeHash({ ...config, pitfall: id, pitfallFixed: false })}
                    aria-current={id === config.pitfall ? 'true' : undefined}
                  >
                    {titleOf(id)}
                  </a>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </nav>
    </Folded>
  );
}
