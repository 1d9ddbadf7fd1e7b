import { NormLabElement } from './element';

export { NormLabElement };

// Nothing is done where there is no DOM, nor a second time where it is loaded twice.
if (globalThis.customElements && !customElements.get('norm-lab')) customElements.define('norm-lab', NormLabElement);
