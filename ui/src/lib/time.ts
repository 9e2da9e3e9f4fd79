/** A minute of the day as the value of a time input: `08:05`. */
export function timeOf(minute: number): string {
  const two = (part: number) => String(part).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

/** The minute of the day that a time input says; none while it says nothing. */
export function minuteOf(time: string): number | null {
  const parts = /^(\d{1,2}):(\d{2})/.exec(time);
  if (!parts) return null;
  const minute = Number(parts[1]) * 60 + Number(parts[2]);
  return minute < 24 * 60 ? minute : null;
}
