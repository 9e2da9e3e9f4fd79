import type { Check, Fix, LogLevel, PauseReason, ProblemCode, Verdict } from '../bindings';
import type { en } from './locales/en';
import type { Counted, Text } from './message';

/** What any catalogue is made of. The sections that name values of the launcher have one message for each of them. */
export interface Catalogue {
  [section: string]: Record<string, Text | Counted>;
  problem: Record<ProblemCode, Text>;
  pause: Record<PauseReason['why'], Text>;
  fix: Record<Fix, Text>;
  doctor: Record<Check | Verdict, Text> & Record<string, Text | Counted>;
  log: Record<LogLevel, Text> & Record<string, Text | Counted>;
}

/** All messages of a language: the sections and names of the English one. */
export type Messages = {
  [Section in keyof typeof en]: {
    [Name in keyof (typeof en)[Section]]: (typeof en)[Section][Name] extends string ? Text : Counted;
  };
};
