import * as scenarios from './scenarios.js';

window.scenarios = scenarios;
