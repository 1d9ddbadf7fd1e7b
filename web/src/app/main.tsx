import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/page.css';
import '../styles/controls.css';
import '../styles/actions.css';
import '../styles/train.css';
import { render } from 'preact';
import { App } from './App';
import { connect } from './state/client';
import { keep, restore } from './state/keep';
import { Lab } from './state/lab';
import { pageAddress } from './state/page-address';
import { theme } from './state/theme';
import { isFirstVisit, startTour } from './state/tour';

if (isFirstVisit()) startTour();
restore();
const lab = new Lab({ address: pageAddress, theme, connect, frugal: false });
lab.open();
keep(lab);

const root = document.getElementById('app');
if (root) {
  root.replaceChildren();
  render(<App lab={lab} />, root);
}
