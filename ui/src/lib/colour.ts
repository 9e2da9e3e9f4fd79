/** A colour as three numbers from 0 to 255. */
export type Rgb = readonly [number, number, number];

/** Reads `#rrggbb`. What is no colour is the sky's blue: realm files are checked before they come here. */
export function parse(hex: string): Rgb {
  const digits = /^#([0-9a-f]{6})$/i.exec(hex)?.[1] ?? '38bdf8';
  const at = (index: number) => Number.parseInt(digits.slice(index, index + 2), 16);
  return [at(0), at(2), at(4)];
}

export function toHex(rgb: Rgb): string {
  return `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;
}

/** Relative luminance, as WCAG defines it. */
function luminance(rgb: Rgb): number {
  const [red, green, blue] = rgb.map((part) => {
    const share = part / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast of two colours, 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  return from.map((part, index) => part + ((to[index] ?? part) - part) * share) as unknown as Rgb;
}

const WHITE: Rgb = [255, 255, 255];
const INK: Rgb = [14, 20, 32];

/** What an operator's accent becomes: a fill, text on it, and a shade of it that can be read on the page. */
export interface Accent {
  fill: string;
  on: string;
  text: string;
  /** For lines and bars. */
  mark: string;
}

/** AA for text, and for what is drawn. */
const ENOUGH = 4.5;
const ENOUGH_DRAWN = 3;

/** Makes any accent usable on a page of this colour. */
export function accentOn(hex: string, page: string): Accent {
  const [fill, ground] = [parse(hex), parse(page)];
  const on = contrast(fill, INK) >= contrast(fill, WHITE) ? INK : WHITE;
  const towards = luminance(ground) > 0.4 ? INK : WHITE;
  const until = (enough: number): string => {
    let shade = fill;
    for (let share = 0; contrast(shade, ground) < enough && share <= 1; share += 0.05) shade = mix(fill, towards, share);
    return toHex(shade);
  };
  return { fill: toHex(fill), on: toHex(on), text: until(ENOUGH), mark: until(ENOUGH_DRAWN) };
}
