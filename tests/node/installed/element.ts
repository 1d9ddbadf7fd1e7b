import 'normlab/element';
import type { Events, NormLabAttributes, NormLabElement } from 'normlab/element';
import type { NormLabElement as Inline } from 'normlab/element/inline';

const lab = document.querySelector('norm-lab');
if (!lab) throw new Error('there is none');
lab.play();
export const state: string = lab.getState();
export const made: NormLabElement | Inline = document.createElement('norm-lab');
export const attributes: NormLabAttributes = {
  view: 'lens',
  norm: 'group',
  'batch-size': 2,
  lr: '0.1',
  autoplay: true,
};
export const error: Events['norm-lab-error'] = { code: 'argument', message: '' };

lab.addEventListener('norm-lab-step', ({ detail }) => detail.loss.toFixed(3));
document.addEventListener('norm-lab-error', ({ detail }) => detail.message.trim());
addEventListener('norm-lab-ready', ({ detail }) => detail.variant.trim());

// @ts-expect-error it plays
lab.start();
// @ts-expect-error nothing is lost
lab.addEventListener('norm-lab-step', ({ detail }) => detail.lost);
// @ts-expect-error there is no such view
attributes.view = 'telescope';
