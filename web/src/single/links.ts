/* In place of `app/state/links.ts` in the build of one file, which has no page for frames beside it. */

const [here = ''] = location.href.split('#');
const fromDisk = location.protocol === 'file:';

export const linkTo = (hash: string) => here + hash;

export const frameOf = (hash: string) => `${fromDisk ? here.slice(here.lastIndexOf('/') + 1) : here}${hash}&embed=1`;

export const notes = fromDisk
  ? {
      link: 'It works on this computer. Elsewhere, put what begins with # behind the address of a copy of this file.',
      frame: 'It wants this file beside the page that it is put into.',
    }
  : { link: '', frame: '' };
