import { BatchesView } from './components/BatchesView';
import { Footer } from './components/Footer';
import { Header } from './components/Header';
import { Problems } from './components/Problems';
import { Tabs } from './components/Tabs';
import { TrainView } from './components/TrainView';
import type { LabModel } from './state/lab';

const panels = { train: TrainView, batches: BatchesView };

export function App({ lab }: { lab: LabModel }) {
  const { view, embed, norm } = lab.config.value;
  const Panel = panels[view];
  return (
    <div class="page" data-norm={norm}>
      {!embed && <Header />}
      <main>
        <Tabs lab={lab} />
        <Problems lab={lab} />
        <div id="panel" role="tabpanel" aria-labelledby={`tab-${view}`}>
          <Panel lab={lab} />
        </div>
      </main>
      {!embed && <Footer lab={lab} />}
    </div>
  );
}
