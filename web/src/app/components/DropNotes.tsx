import '../../styles/files.css';
import { defaults } from '../settings';
import { complaint, foundIn, fromFiles, reading } from '../state/files';
import type { LabModel } from '../state/lab';
import { count } from '../state/status';
import { DropButton } from './DropButton';

/** What of the state was opened from files, what is being opened, and what could not be. */
export default function DropNotes({ lab }: { lab: LabModel }) {
  const config = lab.config.value;
  return (
    <>
      {reading.value && <p class="notice">Reading {reading.value}…</p>}
      {complaint.value && <Refused lab={lab} {...complaint.value} />}
      {fromFiles(config).map((key) => (
        <section key={key} class="notice" aria-label={key === 'data' ? 'Data set from files' : 'Model from a file'}>
          <p>{key === 'data' ? aboutData(config.data) : aboutWeights(config.weights)} A link cannot carry it.</p>
          <button type="button" class="quiet" onClick={() => lab.set(key, defaults[key])}>
            {key === 'data' ? 'Back to Fashion-MNIST' : 'Draw weights from the seed'}
          </button>
        </section>
      ))}
    </>
  );
}

interface RefusedProps {
  lab: LabModel;
  title: string;
  lines: string[];
}

function Refused({ lab, title, lines: [first, ...places] }: RefusedProps) {
  const dismiss = () => {
    complaint.value = null;
  };
  return (
    <section class="trouble refused-file" role="alert" aria-label="File that could not be opened">
      <h2>{title}</h2>
      <p>{first}</p>
      {places.length > 0 && (
        <ul>
          {places.map((place) => (
            <li key={place}>{place}</li>
          ))}
        </ul>
      )}
      <p>Nothing else has changed; what trains goes on.</p>
      <div class="keys-row">
        <DropButton lab={lab} />
        <button type="button" class="quiet" onClick={dismiss}>
          Dismiss
        </button>
      </div>
    </section>
  );
}

function aboutData(name: string): string {
  const found = foundIn(name);
  if (found?.kind !== 'data') return `The images are those of ${name}.`;
  const { shape, classNames, trainImages, testImages, note } = found;
  return `The images are those of ${name}: ${shape.join('×')}, ${classNames.length} classes, ${count(trainImages)} to train on and ${count(testImages)} to test with. ${note}`;
}

function aboutWeights(name: string): string {
  const found = foundIn(name);
  const other =
    found?.kind === 'model' && found.settings === null
      ? 'Its network is one that the settings cannot describe: Network, Normalization and Placement are those of the file until another is chosen.'
      : 'Another network or normalization begins with weights of its own.';
  const note = found?.note ? `${found.note} ` : '';
  return `Training began with the weights of ${name}. ${note}${other}`;
}
