import { Actions } from './components/Actions';
import { DropTarget } from './components/DropTarget';
import { Footer } from './components/Footer';
import { Header } from './components/Header';
import { lazy } from './components/lazy';
import { Panel } from './components/Panel';
import { Problems } from './components/Problems';
import { Restored } from './components/Restored';
import { Said } from './components/Said';
import { Tabs } from './components/Tabs';
import { complaint, fromFiles, reading } from './state/files';
import type { LabModel } from './state/lab';
import { tour } from './state/tour';

const Tour = lazy(() => import('./components/Tour'), { quiet: true });
const DropNotes = lazy(() => import('./components/DropNotes'), { quiet: true });

export function App({ lab }: { lab: LabModel }) {
  const { view, embed, norm } = lab.config.value;
  return (
    <div class="page" data-norm={norm}>
      {!embed && tour.value !== null && <Tour lab={lab} />}
      {!embed && <Header />}
      <main>
        <div class="tabs-row">
          <Tabs lab={lab} />
          {!embed && <Actions lab={lab} />}
        </div>
        <Restored lab={lab} />
        <Problems lab={lab} />
        {(complaint.value || reading.value || fromFiles(lab.config.value).length > 0) && <DropNotes lab={lab} />}
        <div id="panel" role="tabpanel" aria-labelledby={`tab-${view}`}>
          <Panel lab={lab} view={view} />
        </div>
        {!embed && <DropTarget lab={lab} />}
      </main>
      {!embed && <Footer lab={lab} />}
      <Said />
    </div>
  );
}
