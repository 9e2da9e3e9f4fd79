/** Text with `{name}` places. */
export type Text = string;
/** Text that depends on a number, by the categories of Intl.PluralRules; `{count}` is the number, formatted. */
export type Counted = { other: string } & Partial<Record<'zero' | 'one' | 'two' | 'few' | 'many', string>>;

/** Puts values into the places of a text. A place without a value stays, so that tests see it. */
export function fill(text: Text, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => values[name] ?? place);
}

/** The names of the places of a text. */
export function places(text: Text): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').sort();
}

/** Chooses the form for a number. */
export function choose(counted: Counted, count: number, rules: Intl.PluralRules): string {
  return counted[rules.select(count)] ?? counted.other;
}
