import { useSignal } from '@preact/signals';
import { present } from '../charts/present';
import { Refusal } from '../state/client';
import { plainMessage } from '../state/explain';
import type { LabModel } from '../state/lab';
import { say } from '../state/said';
import { Disclosure } from './Disclosure';

type Made = { blob: Blob; name: string };

/** What can be taken away as a file: the run of Train, and the charts that stand in the page. */
export function ActionsExport({ lab }: { lab: LabModel }) {
  const failure = useSignal('');
  const ready = lab.engine.value.phase === 'ready';
  const deliver = async (make: () => Promise<Made>, close: () => void) => {
    failure.value = '';
    try {
      // What makes files is fetched when the first is asked for.
      const [{ save }, { blob, name }] = await Promise.all([import('../exports/save'), make()]);
      save(blob, name);
      close();
      say(`Saved ${name}.`);
    } catch (error) {
      failure.value = error instanceof Refusal ? plainMessage(error.failure) : String(error);
    }
  };
  const figures = async (format: 'csv' | 'json'): Promise<Made> => {
    const [{ runCsv, runJson }, { textFile }] = await Promise.all([
      import('../exports/run-files'),
      import('../exports/save'),
    ]);
    const blob = format === 'csv' ? textFile('text/csv', runCsv(lab)) : textFile('application/json', runJson(lab));
    return { blob, name: `normlab-run.${format}` };
  };
  const model = async (): Promise<Made> => {
    const bytes = await lab.ask('page', 'model', lab.chosen.peek().id);
    if (!bytes)
      throw new Refusal({ name: 'Error', code: 'state', message: 'There is no model: the run could not be made.' });
    return { blob: new Blob([bytes as BlobPart]), name: 'normlab-model.safetensors' };
  };
  const items: [string, boolean, () => Promise<Made>][] = [
    ['Curves (CSV)', true, () => figures('csv')],
    ['Everything (JSON)', true, () => figures('json')],
    ['Model file (safetensors)', ready, model],
    ...present.value.map((chart): [string, boolean, () => Promise<Made>] => [
      `${chart.chart.title} (PNG)`,
      true,
      async () => ({ blob: await chart.png(), name: `normlab-${slug(chart.chart.title)}.png` }),
    ]),
  ];
  return (
    <Disclosure label="Export" class="export">
      {(close) => (
        <>
          <ul>
            {items.map(([label, enabled, make]) => (
              <li key={label}>
                <button
                  type="button"
                  class="item"
                  aria-disabled={!enabled}
                  onClick={() => enabled && deliver(make, close)}
                >
                  {label}
                </button>
              </li>
            ))}
          </ul>
          {failure.value && (
            <p class="error" role="alert">
              Nothing was saved: {failure.value}
            </p>
          )}
        </>
      )}
    </Disclosure>
  );
}

function slug(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
