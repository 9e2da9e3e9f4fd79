import type { BenchStep, Criterion, CriterionName, Phase, View } from './bindings';
import type { Translation } from './i18n/index.svelte';

/** What Home says: the state in a few words, and what it means. */
export interface Words {
  title: string;
  detail: string;
  tone: 'calm' | 'wait' | 'trouble';
}

/** The words for the state of everything. */
export function wordsFor(view: View, i18n: Translation): Words {
  const m = i18n.m.phase;
  const realm = view.realm?.name ?? '';
  const say = (title: string, detail: string, tone: Words['tone'] = 'calm'): Words => ({
    title: i18n.say(title, { realm }),
    detail: i18n.say(detail, { realm }),
    tone,
  });
  const phase = view.phase;
  switch (phase.phase) {
    case 'no_realm':
      return say(m.no_realm, phase.problem ? i18n.m.problem[phase.problem.code] : m.no_realm_detail, phase.problem ? 'trouble' : 'calm');
    case 'signed_out':
      return say(m.signed_out, phase.problem ? i18n.m.problem[phase.problem.code] : m.signed_out_detail, phase.problem ? 'trouble' : 'calm');
    case 'signing_in':
      return say(m.signing_in, m.signing_in_detail, 'wait');
    case 'offline':
      return say(m[`offline_${phase.trouble}`], m[`offline_${phase.trouble}_detail`], 'trouble');
    case 'ready':
      return say(m.ready, m.ready_detail);
    case 'connecting':
      return say(m.connecting, m.connecting_detail, 'wait');
    case 'benchmarking':
      return bench(phase.step, say, m);
    case 'not_eligible':
      return notEligible(phase, i18n, say);
    case 'eligible':
      return say(m.eligible, m.eligible_detail);
    case 'hosting': {
      const title = phase.players === 0 ? m.hosting_nobody : i18n.count(m.hosting, phase.players);
      return say(title, view.groups.length > 0 ? i18n.say(m.hosting_detail, { maps: mapsOf(view, i18n) }) : m.eligible_detail);
    }
    case 'draining': {
      const title = { stop: m.draining, pause: m.draining_pause, quit: m.draining_quit, sign_out: m.draining_sign_out }[phase.then];
      return say(i18n.count(title, phase.players), m.draining_detail, 'wait');
    }
    case 'paused':
      return say(m.paused, phase.why.map((why) => pauseText(why, i18n)).join(' '), 'wait');
    case 'updating':
      return say(i18n.say(m.updating, { version: phase.version }), m.updating_detail, 'wait');
    case 'failed':
      return say(m.failed, i18n.m.problem[phase.problem.code], 'trouble');
    default:
      return phase satisfies never;
  }
}

type Say = (title: string, detail: string, tone?: Words['tone']) => Words;

function bench(step: BenchStep, say: Say, m: Translation['m']['phase']): Words {
  return say(m[`bench_${step}`], m[`bench_${step}_detail`], 'wait');
}

function notEligible(phase: Extract<Phase, { phase: 'not_eligible' }>, i18n: Translation, say: Say): Words {
  const m = i18n.m.phase;
  if (phase.ready_in_minutes !== null) return say(i18n.count(m.almost, phase.ready_in_minutes), m.almost_detail, 'wait');
  const list = i18n.list(phase.unmet.map((name) => i18n.m.pc[name]));
  return say(m.not_eligible, i18n.say(m.not_eligible_detail, { list }), 'wait');
}

function pauseText(why: Extract<Phase, { phase: 'paused' }>['why'][number], i18n: Translation): string {
  const text = i18n.m.pause[why.why];
  return why.why === 'outside_hours' ? i18n.say(text, { time: i18n.minute(why.from_minute) }) : text;
}

/** A group's name as people read it: `prontera_fields` is "Prontera fields". */
export function groupName(name: string): string {
  const words = name.replaceAll(/[_-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The groups this PC carries, the fullest first; the rest as a number. */
export function mapsOf(view: View, i18n: Translation): string {
  const names = [...view.groups].sort((a, b) => b.players - a.players).map((group) => groupName(group.name));
  const shown = i18n.list(names.slice(0, 2));
  const more = names.length - 2;
  return more > 0 ? i18n.count(i18n.m.host.more_maps, more, { maps: names.slice(0, 2).join(', ') }) : shown;
}

/** Megabytes a minute that hosting sends at most: 20 kbit/s a player. */
export function megabytesPerMinute(players: number): number {
  return Math.round(players * 20 * 60) / 8_000;
}

/** How an engine's longest turn feels: a player's walk is answered within 20 ms anyway. */
export function gradeOf(tickMs: number): 'excellent' | 'good' | 'rough' {
  if (tickMs <= 5) return 'excellent';
  return tickMs <= 20 ? 'good' : 'rough';
}

/** A criterion's value or threshold with its unit. */
export function withUnit(name: CriterionName, value: number, i18n: Translation): string {
  const m = i18n.m;
  switch (name) {
    case 'cores':
      return i18n.count(m.pc.has_cores, value);
    case 'memory':
      return i18n.say(m.pc.gb, { value: i18n.number(value / 1024) });
    case 'latency':
      return i18n.say(m.numbers.ms, { value: i18n.number(value) });
    case 'stability':
      return i18n.say(m.pc.varies, { value: i18n.number(value) });
    case 'upload':
      return i18n.say(m.pc.mbps, { value: i18n.number(value) });
    case 'uptime':
    case 'standing':
      return i18n.count(m.common.minutes, Math.floor(value));
    default:
      return name satisfies never;
  }
}

/** "Upload 14 Mbit/s, needs 10 Mbit/s", without the name. */
export function measureText(criterion: Criterion, i18n: Translation): string {
  const threshold = withUnit(criterion.name, criterion.threshold, i18n);
  if (criterion.value === null) return i18n.say(i18n.m.pc.not_measured, { threshold });
  const text = criterion.at_most ? i18n.m.pc.needs_at_most : i18n.m.pc.needs_at_least;
  return i18n.say(text, { value: withUnit(criterion.name, criterion.value, i18n), threshold });
}

/** What would help a criterion; empty when nothing has to. */
export function helpText(criterion: Criterion, i18n: Translation): string {
  const help = criterion.help;
  if (help.help === 'none' || help.help === 'measuring') return '';
  if (help.help === 'time') {
    const text = criterion.name === 'standing' ? i18n.m.pc.help_standing : i18n.m.pc.help_uptime;
    return i18n.count(text, help.minutes);
  }
  return criterion.name === 'uptime' || criterion.name === 'standing' ? '' : i18n.m.pc[`help_${criterion.name}`];
}

/** Where a bar's value and threshold stand, from 0 to 1. The threshold stands where a value twice as good still fits. */
export function barOf(criterion: Criterion): { value: number; threshold: number } {
  const { value, threshold, at_most } = criterion;
  const mark = at_most ? 0.6 : 0.5;
  if (value === null || threshold <= 0) return { value: 0, threshold: mark };
  const ratio = value / threshold;
  const bar = ratio <= 1 ? ratio * mark : mark + (1 - mark) * (1 - 1 / ratio ** 1.2);
  return { value: Math.min(1, Math.max(0.015, bar)), threshold: mark };
}
