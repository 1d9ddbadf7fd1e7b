import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/controls.css';
import '../styles/actions.css';
import '../styles/train.css';
import { render } from 'preact';
import { App } from './App';
import { Lab } from './state/lab';

const lab = new Lab();
lab.open();

const root = document.getElementById('app');
if (root) {
  root.replaceChildren();
  render(<App lab={lab} />, root);
}
