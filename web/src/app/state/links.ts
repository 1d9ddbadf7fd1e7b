/** The address of this page in a state. */
export const linkTo = (hash: string) => location.href.split('#')[0] + hash;

/** The address of the page for frames, which stands beside this one. */
export const frameOf = (hash: string) => new URL('embed.html', location.href).href + hash;

/** What is to be known of either. */
export const notes = { link: '', frame: '' };
