/** The club's accent, kept readable: WCAG contrast decides what is written on it and how it is written. */

function channel(value: number): number {
  const c = value / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

function rgb(hex: string): [number, number, number] | null {
  const match = /^#([0-9a-f]{6})$/i.exec(hex);
  if (!match) return null;
  const n = parseInt(match[1] ?? '', 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

function luminance([r, g, b]: [number, number, number]): number {
  return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
}

/** WCAG 2 contrast of two `#rrggbb`; 1 when one cannot be read. */
export function contrast(a: string, b: string): number {
  const [x, y] = [rgb(a), rgb(b)];
  if (!x || !y) return 1;
  const [hi, lo] = [luminance(x), luminance(y)].sort((p, q) => q - p) as [number, number];
  return (hi + 0.05) / (lo + 0.05);
}

/** `accent` moved towards white or black until it reads at 4.5:1 on `ground`. */
export function readable(accent: string, ground: string): string {
  const from = rgb(accent);
  if (!from) return accent;
  const to = contrast('#ffffff', ground) > contrast('#000000', ground) ? 255 : 0;
  for (let step = 0; step <= 20; step++) {
    const mixed = from.map((c) => Math.round(c + ((to - c) * step) / 20));
    const hex = `#${mixed.map((c) => c.toString(16).padStart(2, '0')).join('')}`;
    if (contrast(hex, ground) >= 4.5) return hex;
  }
  return to ? '#ffffff' : '#000000';
}

/** Puts a venue's accent into the page. */
export function paint(root: HTMLElement, accent: string | undefined): void {
  if (!accent || !rgb(accent)) return;
  const ink = contrast(accent, '#0b0f14') >= contrast(accent, '#ffffff') ? '#0b0f14' : '#ffffff';
  // On the raised surface, the lightest of the dark theme and the darkest of the light one.
  const raised = getComputedStyle(root).getPropertyValue('--raised').trim() || '#1c242d';
  root.style.setProperty('--accent', accent);
  root.style.setProperty('--on-accent', ink);
  root.style.setProperty('--accent-text', readable(accent, raised));
}
