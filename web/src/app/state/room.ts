/** Whether there is room for settings that stand open, beside the figures; elsewhere they would be a screen above them. */
export const room = (): Pick<MediaQueryList, 'matches' | 'addEventListener' | 'removeEventListener'> =>
  matchMedia('(min-width: 700px)');
