import '../app/views/lens/LensView';
import '../app/views/train/TrainView';
import '../worker/services/lens';
// What a Lens and a Train figure need is in this script, though the page fetches it as a tab asks for it.
import { NormLabElement } from './element';
import { workHere } from './worker';

export type { Events } from './events';
export { NormLabElement };

// In a worker of its own it computes. Nothing is done where there is no DOM, nor a second time where it is loaded twice.
if (!workHere() && globalThis.customElements && !customElements.get('norm-lab')) {
  customElements.define('norm-lab', NormLabElement);
}
