import { useSignal } from '@preact/signals';
import { present } from '../charts/present';
import { runCsv, runJson } from '../exports/run-files';
import { save, textFile } from '../exports/save';
import { Refusal } from '../state/client';
import { plainMessage } from '../state/explain';
import type { LabModel } from '../state/lab';
import { say } from '../state/said';

interface Item {
  label: string;
  /** What comes behind "normlab-". */
  name: string;
  make: () => Blob | Promise<Blob>;
  disabled?: boolean;
}

function itemsOf(lab: LabModel): Item[] {
  const charts = present.value.map((chart) => ({
    label: `${chart.chart.title} (PNG)`,
    name: `${chart.chart.title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.png`,
    make: () => chart.png(),
  }));
  return [
    { label: 'Curves (CSV)', name: 'run.csv', make: () => textFile('text/csv', runCsv(lab)) },
    { label: 'Everything (JSON)', name: 'run.json', make: () => textFile('application/json', runJson(lab)) },
    {
      label: 'Model file (safetensors)',
      name: 'model.safetensors',
      make: () => modelFile(lab),
      disabled: lab.engine.value.phase !== 'ready',
    },
    ...charts,
  ];
}

async function modelFile(lab: LabModel): Promise<Blob> {
  const bytes = await lab.ask('page', 'model', lab.chosen.peek().id);
  if (!bytes) throw new Error('there is no model, for no run could be made of the settings.');
  return new Blob([bytes as BlobPart]);
}

/** The runs of Train, and the charts that stand in the page. */
export default function ExportItems({ lab, close }: { lab: LabModel; close: () => void }) {
  const failure = useSignal('');
  const deliver = async ({ make, name }: Item) => {
    failure.value = '';
    try {
      save(await make(), `normlab-${name}`);
      close();
      say(`Saved normlab-${name}.`);
    } catch (error) {
      failure.value = error instanceof Refusal ? plainMessage(error.failure) : (error as Error).message;
    }
  };
  return (
    <>
      <ul>
        {itemsOf(lab).map((item) => (
          <li key={item.label}>
            <button
              type="button"
              class="item"
              aria-disabled={item.disabled}
              onClick={() => !item.disabled && deliver(item)}
            >
              {item.label}
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
  );
}
