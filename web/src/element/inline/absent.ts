import { NormlabError } from 'normlab/core';

/* In place of what the script that has all in it is without: nothing that a Lens or a Train figure needs. */

export default () => ({});

export function extendEngine(): never {
  throw new NormlabError('unsupported', 'files and states are not part of normlab-element.inline.js');
}
