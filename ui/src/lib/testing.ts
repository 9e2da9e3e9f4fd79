import type { Phase, View } from './bindings';

/** A view for tests: a quiet one with this phase. */
export function viewWith(phase: Phase, some: Partial<View> = {}): View {
  return {
    version: '0.1.0',
    phase,
    realm: { name: 'Midgard', accent: '#3ddc97', emblem: null, expires_at: 1_900_000_000, key: '3b6a 27bc ceb6', program: 'ragexe.exe' },
    account: 'sunflower',
    host_wanted: false,
    host_limit: 500,
    play: { play: 'ready', ended: null },
    numbers: { players_online: 12, round_trip_ms: 22.6, tick_ms: null, transport: null },
    groups: [],
    my_pc: { measured: { measured: 'not_yet' }, criteria: [] },
    contribution: {
      hours: 0,
      hours_this_week: 0,
      player_hours: 0,
      most_players: 0,
      month_mb: 0,
      day: Array.from({ length: 24 }, (_, hour) => ({ start: hour * 3_600, minutes: 0, players: 0 })),
    },
    settings: {
      language: null,
      theme: 'system',
      host: false,
      manners: {
        hours: null,
        mains_only: true,
        pause_on_full_screen: true,
        cpu_percent: 70,
        free_memory_mib: 1_024,
        upload_mbps: 10,
        month_gb: null,
        metered: false,
      },
      client_folder: null,
      autostart: false,
      close_to_tray: true,
      notifications: true,
    },
    doctor: { running: false, checked_at: null, findings: [], report: '' },
    notes: [],
    update: { update: 'none' },
    ...some,
  };
}
