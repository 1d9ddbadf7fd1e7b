import { useEffect, useRef } from 'preact/hooks';
import { Formula } from '../../components/Formula';
import { writeHash } from '../../hash';
import type { LabModel } from '../../state/lab';
import { CodePair } from './CodePair';
import { Evidence } from './Evidence';
import type { Scenario } from './scenario';
import { groups, scenarioOf, scenarios } from './scenarios';
import { titleOf } from './search';

/** One scenario on one screen: what is seen, the run that shows it, why, and what to do. */
export function ScenarioPage({ lab }: { lab: LabModel }) {
  const id = lab.config.value.pitfall;
  const scenario = scenarioOf(id);
  const group = groups.find((one) => one.scenarios.includes(scenario));
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(id);
  useEffect(() => {
    if (shown.current === id) return;
    shown.current = id;
    // Where the list has been folded away, or lies a screen above, reading goes on here.
    if (document.activeElement === document.body || !document.activeElement?.checkVisibility()) {
      heading.current?.focus();
    }
  }, [id]);
  return (
    <>
      <header class="scenario-head">
        <div>
          <p class="scenario-group">
            {group?.title}, {scenarios.indexOf(scenario) + 1} of {scenarios.length}
          </p>
          <h2 ref={heading} tabIndex={-1}>
            {titleOf(id)}
          </h2>
          <p class="symptom">{scenario.symptom}</p>
        </div>
        <Steps lab={lab} />
      </header>
      <Evidence lab={lab} scenario={scenario} />
      <section class="layers reason" aria-labelledby="cause-title">
        <h2 id="cause-title">Why</h2>
        <p>{scenario.cause}</p>
        {scenario.formula && (
          <p class="law">
            {scenario.formula.map((mathml) => (
              <Formula key={mathml} mathml={mathml} />
            ))}
          </p>
        )}
        <p class="threads">
          Others have met it:{' '}
          {scenario.links.map(({ href, label }, i) => (
            <>
              {i > 0 && '; '}
              <a key={href} href={href} rel="noopener" target="_blank">
                {label}
              </a>
            </>
          ))}
        </p>
      </section>
      <CodePair scenario={scenario} />
    </>
  );
}

/** To the scenario before and the one after; from the last to the first, so that both are always there. */
function Steps({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  const at = scenarios.findIndex(({ id }) => id === config.pitfall);
  const step = (label: string, by: number) => {
    const { id } = scenarios.at((at + by) % scenarios.length) as Scenario;
    return (
      <a class="quiet" href={writeHash({ ...config, pitfall: id, pitfallFixed: false })}>
        {label}
      </a>
    );
  };
  return (
    <nav class="pager" aria-label="Neighbours">
      {step('Previous', -1)}
      {step('Next', 1)}
    </nav>
  );
}
