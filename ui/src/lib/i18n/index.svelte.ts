import type { Language } from '../bindings';
import type { Messages } from './catalogue';
import { choose, fill, type Counted, type Text } from './message';
import { en } from './locales/en';

export const languages: readonly Language[] = ['en', 'pt-BR', 'th', 'id', 'fil', 'zh-TW', 'zh-CN', 'ko'];

/** What the languages call themselves. */
export const ownNames: Record<Language, string> = {
  en: 'English',
  'pt-BR': 'Português (Brasil)',
  th: 'ไทย',
  id: 'Bahasa Indonesia',
  fil: 'Filipino',
  'zh-TW': '繁體中文',
  'zh-CN': '简体中文',
  ko: '한국어',
};

const others: Record<Exclude<Language, 'en'>, () => Promise<Messages>> = {
  'pt-BR': () => import('./locales/pt-BR').then((module) => module.ptBR),
  th: () => import('./locales/th').then((module) => module.th),
  id: () => import('./locales/id').then((module) => module.id),
  fil: () => import('./locales/fil').then((module) => module.fil),
  'zh-TW': () => import('./locales/zh-TW').then((module) => module.zhTW),
  'zh-CN': () => import('./locales/zh-CN').then((module) => module.zhCN),
  ko: () => import('./locales/ko').then((module) => module.ko),
};

/** The messages of a language. */
export function load(language: Language): Promise<Messages> {
  return language === 'en' ? Promise.resolve(en) : others[language]();
}

/** The language of ours that comes nearest to what a system asks for, in its order of liking. */
export function nearest(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const lower = tag.toLowerCase();
    const exact = languages.find((language) => language.toLowerCase() === lower);
    if (exact) return exact;
    if (/^zh\b/.test(lower)) return /hant|tw|hk|mo/.test(lower) ? 'zh-TW' : 'zh-CN';
    if (/^tl\b/.test(lower)) return 'fil';
    const related = languages.find((language) => language.toLowerCase().split('-')[0] === lower.split('-')[0]);
    if (related) return related;
  }
  return 'en';
}

/** The messages and formats of the language in use. */
export class Translation {
  language = $state.raw<Language>('en');
  /** The messages themselves: `i18n.m.play.button`. */
  m = $state.raw<Messages>(en);
  private readonly rules = $derived(new Intl.PluralRules(this.language));
  private readonly plain = $derived(new Intl.NumberFormat(this.language, { maximumFractionDigits: 1 }));

  /** Goes over to a language, once its messages are here. */
  async use(language: Language): Promise<void> {
    const messages = await load(language);
    this.language = language;
    this.m = messages;
  }

  /** A text with its places filled. */
  say(text: Text, values: Record<string, string>): string {
    return fill(text, values);
  }

  /** A text for a number. */
  count(counted: Counted, count: number, values: Record<string, string> = {}): string {
    return fill(choose(counted, count, this.rules), { count: this.number(count), ...values });
  }

  /** A number with at most one digit behind the point. */
  number(value: number): string {
    return this.plain.format(value);
  }

  /** A time of day. */
  time(unix: number): string {
    return new Intl.DateTimeFormat(this.language, { hour: 'numeric', minute: '2-digit' }).format(unix * 1000);
  }

  /** A minute of the day. */
  minute(minute: number): string {
    const at = new Date(2000, 0, 1, Math.floor(minute / 60), minute % 60);
    return new Intl.DateTimeFormat(this.language, { hour: 'numeric', minute: '2-digit' }).format(at);
  }

  /** A day. */
  date(unix: number): string {
    return new Intl.DateTimeFormat(this.language, { dateStyle: 'medium' }).format(unix * 1000);
  }

  /** Several things. */
  list(items: readonly string[]): string {
    const list = new Intl.ListFormat(this.language, { type: 'conjunction' }).format(items);
    // Thai is written without spaces, but names in other letters need them.
    return this.language === 'th' ? list.replaceAll('และ', ' และ ') : list;
  }
}

export const i18n = new Translation();
