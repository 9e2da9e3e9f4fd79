import type { HourOfDay } from './bindings';

/** Minutes with maps in a day of hours; a part of the first one is one. */
export function minutesIn(day: readonly HourOfDay[]): number {
  const minutes = day.reduce((sum, hour) => sum + hour.minutes, 0);
  return minutes > 0 ? Math.max(1, Math.round(minutes)) : 0;
}

/** A line through shares from 0 to 1, as an SVG path over 240 by 54, with soft corners that never overshoot. */
export function areaOf(shares: readonly number[]): string {
  const step = 240 / Math.max(1, shares.length - 1);
  const y = (share: number) => (54 - 50 * Math.min(1, Math.max(0, share))).toFixed(1);
  return shares
    .map((share, index) => {
      const x = index * step;
      if (index === 0) return `M0 ${y(share)}`;
      const middle = (x - step / 2).toFixed(1);
      return `C${middle} ${y(shares[index - 1] ?? 0)} ${middle} ${y(share)} ${x.toFixed(1)} ${y(share)}`;
    })
    .join(' ');
}
