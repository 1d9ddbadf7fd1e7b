import { Footer } from './components/Footer';
import { Header } from './components/Header';
import { Panel } from './components/Panel';
import { Problems } from './components/Problems';
import { Said } from './components/Said';
import { Tabs } from './components/Tabs';
import type { LabModel } from './state/lab';

export function App({ lab }: { lab: LabModel }) {
  const { view, embed, norm } = lab.config.value;
  return (
    <div class="page" data-norm={norm}>
      {!embed && <Header />}
      <main>
        <Tabs lab={lab} />
        <Problems lab={lab} />
        <div id="panel" role="tabpanel" aria-labelledby={`tab-${view}`}>
          <Panel lab={lab} view={view} />
        </div>
      </main>
      {!embed && <Footer lab={lab} />}
      <Said />
    </div>
  );
}
