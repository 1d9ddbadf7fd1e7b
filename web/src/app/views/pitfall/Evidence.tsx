import '../../../styles/progress.css';
import type { Outcome } from '../../../worker/pitfalls/pitfall';
import { Key } from '../../components/Key';
import { plainMessage } from '../../state/explain';
import type { LabModel } from '../../state/lab';
import { engineSentence } from '../../state/status';
import { FigureTable } from './FigureTable';
import { OutcomePlot } from './OutcomePlot';
import { OutcomeTable } from './OutcomeTable';
import { type Runs, useRuns } from './runs';
import type { Scenario } from './scenario';

/** The run that shows it, and beside it the one with the fix. */
export function Evidence({ lab, scenario }: { lab: LabModel; scenario: Scenario }) {
  const fixed = lab.config.value.pitfallFixed;
  const runs = useRuns(lab, scenario.id, fixed);
  const { before, after, share, failure } = runs;
  const awaited = !(fixed ? after : before) && !failure;
  const table = (after ?? before)?.table;
  return (
    <section class="layers evidence" aria-labelledby="evidence-title" aria-busy={awaited}>
      <header>
        <h2 id="evidence-title">The run</h2>
        <p>Computed just now, in this tab.</p>
      </header>
      <p class="status" role="status" data-fixed={fixed}>
        {sentence(lab, runs, fixed)}
      </p>
      <div class="fix">
        <Key
          label={fixed ? 'Undo the fix' : 'Apply the fix'}
          enabled={before !== null}
          primary={!fixed}
          onPress={() => lab.set('pitfallFixed', !fixed)}
        >
          {fixed ? (
            <path d="M5 1 1 5l4 4V6h3a2 2 0 0 1 0 5H4v2h4a4 4 0 0 0 0-9H5z" />
          ) : (
            <path d="m1 8 2-2 3 3 6-7 2 2-8 9z" />
          )}
        </Key>
        <p>{scenario.fix}</p>
      </div>
      <progress aria-label="Progress of the run" max={1} value={share ?? 1} data-idle={share === null} />
      {before && <FigureTable before={before} after={after} />}
      <Message outcome={fixed && after ? after : before} />
      <div class="outcome-plots">
        {before?.plot && <OutcomePlot title="As it is" plot={before.plot} />}
        {after?.plot && <OutcomePlot title="With the fix" plot={after.plot} />}
      </div>
      {table && <OutcomeTable {...table} />}
    </section>
  );
}

function Message({ outcome }: { outcome: Outcome | null }) {
  return outcome?.message ? <pre class="refusal verbatim">{outcome.message}</pre> : null;
}

/** The verdict on the run that was asked for, once it is there. */
function sentence(lab: LabModel, { before, after, failure }: Runs, fixed: boolean): string {
  if (failure) return `Stopped: ${plainMessage(failure)}`;
  const outcome = fixed ? after : before;
  if (outcome) return outcome.verdict;
  const engine = engineSentence(lab.engine.value, 'The run');
  return engine?.sentence ?? (fixed ? 'Running again, with the fix…' : 'Running…');
}
