// Generated from launcher/src by `BIFROST_BLESS=1 cargo test -p bifrost-launcher bindings`. Do not edit.

export type View = { 
/**
 * Of this program.
 */
version: string, 
/**
 * The one state that decides what Home shows.
 */
phase: Phase, 
/**
 * The operator's realm; none before a realm file was opened.
 */
realm: RealmView | null, 
/**
 * The account that is signed in.
 */
account: string | null, 
/**
 * Whether the Host switch is on, whatever hosting does now.
 */
host_wanted: boolean, 
/**
 * What hosting is limited to now, in players.
 */
host_limit: number, 
/**
 * The game.
 */
play: PlayView, 
/**
 * The numbers people feel.
 */
numbers: Numbers, 
/**
 * Map groups this PC carries.
 */
groups: Array<GroupView>, 
/**
 * The benchmark against what the realm asks for.
 */
my_pc: MyPc, 
/**
 * What this PC has given.
 */
contribution: Contribution, 
/**
 * What the owner set.
 */
settings: Settings, 
/**
 * The last check of everything.
 */
doctor: DoctorView, 
/**
 * Things to know that stop nothing.
 */
notes: Array<Note>, 
/**
 * A newer program.
 */
update: UpdateView, };

export type Phase = { "phase": "no_realm", 
/**
 * Why the last file was refused.
 */
problem: Problem | null, } | { "phase": "signed_out", 
/**
 * Why the last try failed, or why it has to be done again.
 */
problem: Problem | null, } | { "phase": "signing_in" } | { "phase": "offline", 
/**
 * Where it breaks.
 */
trouble: Trouble, 
/**
 * When it is tried again.
 */
retry_in_seconds: number, } | { "phase": "ready" } | { "phase": "connecting" } | { "phase": "benchmarking", 
/**
 * What is measured now.
 */
step: BenchStep, } | { "phase": "not_eligible", 
/**
 * What is missing.
 */
unmet: Array<CriterionName>, 
/**
 * When it may, if only time is missing.
 */
ready_in_minutes: number | null, } | { "phase": "eligible" } | { "phase": "hosting", 
/**
 * Map groups.
 */
groups: number, 
/**
 * Players on them.
 */
players: number, } | { "phase": "draining", 
/**
 * How many are left.
 */
players: number, 
/**
 * What follows.
 */
then: AfterDrain, } | { "phase": "paused", 
/**
 * The rules; never empty.
 */
why: Array<PauseReason>, } | { "phase": "updating", 
/**
 * Which.
 */
version: string, 
/**
 * How much of it is here.
 */
percent: number | null, } | { "phase": "failed", 
/**
 * Which.
 */
problem: Problem, };

export type Trouble = "me" | "network" | "realm" | "certificate";

export type AfterDrain = "stop" | "pause" | "quit" | "sign_out";

export type PauseReason = { "why": "outside_hours", 
/**
 * Minute of the day at which they begin.
 */
from_minute: number, } | { "why": "on_battery" } | { "why": "full_screen" } | { "why": "busy_cpu" } | { "why": "low_memory" } | { "why": "monthly_cap" } | { "why": "metered" };

export type Problem = { 
/**
 * Which.
 */
code: ProblemCode, 
/**
 * For reports; English, may be empty.
 */
detail: string, };

export type ProblemCode = "wrong_password" | "invalid_invitation" | "too_many_pcs" | "account_in_game" | "realm_busy" | "unreachable" | "certificate_changed" | "revoked" | "replaced" | "sign_in_again" | "drain_timeout" | "realm_unreadable" | "realm_tampered" | "realm_expired" | "realm_other_key" | "realm_older" | "client_missing" | "client_program_missing" | "client_unpatched" | "client_library" | "client_other_build" | "client_not_written" | "wine_missing" | "game_not_started" | "keyring_locked" | "disk_full" | "internal";

export type RealmView = { 
/**
 * The operator's name for it.
 */
name: string, 
/**
 * `#rrggbb`.
 */
accent: string, 
/**
 * A `data:` URI of a picture.
 */
emblem: string | null, 
/**
 * Unix seconds after which the file is not taken any more.
 */
expires_at: number, 
/**
 * The first digits of the operator's key, for comparing by eye.
 */
key: string, 
/**
 * The game's program within its folder.
 */
program: string, };

export type Numbers = { 
/**
 * Players in game.
 */
players_online: number | null, 
/**
 * Round trip to the realm in milliseconds.
 */
round_trip_ms: number | null, 
/**
 * The longest turn of this PC's engines, in milliseconds.
 */
tick_ms: number | null, 
/**
 * How the PC is connected.
 */
transport: Transport | null, };

export type Transport = "quic" | "tcp";

export type GroupView = { 
/**
 * The operator's name for it.
 */
name: string, 
/**
 * Its maps.
 */
maps: Array<string>, 
/**
 * Players on it.
 */
players: number, 
/**
 * Whether it is ready for players.
 */
live: boolean, };

export type MyPc = { 
/**
 * How far measuring is.
 */
measured: Measured, 
/**
 * What is known, in the realm's order; empty before the first measurement.
 */
criteria: Array<Criterion>, };

export type Measured = { "measured": "not_yet" } | { "measured": "measuring", 
/**
 * What is measured now.
 */
step: BenchStep, } | { "measured": "done" };

export type BenchStep = "machine" | "network" | "confirming";

export type Criterion = { 
/**
 * Which; its unit goes with it: cores, MiB, ms, ms, Mbit/s, minutes.
 */
name: CriterionName, 
/**
 * Measured; none when it is not yet.
 */
value: number | null, 
/**
 * Needed.
 */
threshold: number, 
/**
 * Whether less is better.
 */
at_most: boolean, 
/**
 * Whether it is enough.
 */
met: boolean, 
/**
 * What would help.
 */
help: Help, };

export type CriterionName = "cores" | "memory" | "latency" | "stability" | "upload" | "uptime" | "standing";

export type Help = { "help": "none" } | { "help": "measuring" } | { "help": "pc" } | { "help": "network" } | { "help": "time", 
/**
 * Minutes.
 */
minutes: number, };

export type Contribution = { 
/**
 * Hours with at least one map group, ever.
 */
hours: number, 
/**
 * In the last seven days.
 */
hours_this_week: number, 
/**
 * Players times hours, ever: what was played here.
 */
player_hours: number, 
/**
 * Most players at once.
 */
most_players: number, 
/**
 * Megabytes sent this month, as estimated from players.
 */
month_mb: number, 
/**
 * The last 24 hours, oldest first; always 24.
 */
day: Array<HourOfDay>, };

export type HourOfDay = { 
/**
 * Unix seconds of its start.
 */
start: number, 
/**
 * Minutes of it in which maps were carried.
 */
minutes: number, 
/**
 * Players, on average over the hour.
 */
players: number, };

export type PlayView = { "play": "needs_folder" } | { "play": "ready", 
/**
 * How the last game ended, when it is worth saying.
 */
ended: GameEnd | null, } | { "play": "starting", 
/**
 * What is done now.
 */
step: PlayStep, } | { "play": "running", 
/**
 * Unix seconds.
 */
since: number, 
/**
 * Whether its way to the realm is cut, and its session held meanwhile.
 */
held: boolean, } | { "play": "failed", 
/**
 * Why.
 */
problem: Problem, };

export type PlayStep = "verify" | "patch" | "gateway" | "launch";

export type GameEnd = { "end": "closed" } | { "end": "crashed", 
/**
 * The exit code, where there is one.
 */
code: number | null, } | { "end": "killed" };

export type Note = { "note": "no_keyring" } | { "note": "settings_reset" } | { "note": "realm_expires", 
/**
 * Days.
 */
days: number, } | { "note": "slept" } | { "note": "not_kept" };

export type UpdateView = { "update": "none" } | { "update": "waiting", 
/**
 * Its version.
 */
version: string, } | { "update": "ready", 
/**
 * Its version.
 */
version: string, };

export type Settings = { 
/**
 * Of the window; none is the system's.
 */
language: Language | null, 
/**
 * Light or dark.
 */
theme: Theme, 
/**
 * The Host switch.
 */
host: boolean, 
/**
 * When and how much this PC hosts.
 */
manners: Manners, 
/**
 * Where the game is.
 */
client_folder: string | null, 
/**
 * Start with the session.
 */
autostart: boolean, 
/**
 * Closing the window leaves the launcher in the tray.
 */
close_to_tray: boolean, 
/**
 * Notifications of the OS.
 */
notifications: boolean, };

export type Theme = "system" | "light" | "dark";

export type Language = "en" | "pt-BR" | "th" | "id" | "fil" | "zh-TW" | "zh-CN" | "ko";

export type Manners = { 
/**
 * Only within these hours; none is always.
 */
hours: Hours | null, 
/**
 * Only on mains power.
 */
mains_only: boolean, 
/**
 * Not while another program fills the screen.
 */
pause_on_full_screen: boolean, 
/**
 * Most of the processor that other programs may use, in percent; none is no limit.
 */
cpu_percent: number | null, 
/**
 * Memory that stays free for other programs, in MiB.
 */
free_memory_mib: number, 
/**
 * Most upload, in Mbit/s.
 */
upload_mbps: number, 
/**
 * Most upload in a month, in GB; none is no limit.
 */
month_gb: number | null, 
/**
 * Also on a metered network.
 */
metered: boolean, };

export type Hours = { 
/**
 * First minute of the day, 0 to 1439.
 */
from_minute: number, 
/**
 * First minute that is not allowed any more, 0 to 1439; the same as `from_minute` is the whole day.
 */
to_minute: number, };

export type DoctorView = { 
/**
 * Whether a check is under way.
 */
running: boolean, 
/**
 * Unix seconds of the last one.
 */
checked_at: number | null, 
/**
 * What it found, one finding a check.
 */
findings: Array<Finding>, 
/**
 * The same as text for the operator, without anything personal.
 */
report: string, };

export type Finding = { 
/**
 * What was looked at.
 */
check: Check, 
/**
 * Whether it is good.
 */
verdict: Verdict, 
/**
 * What would fix it; none when nothing has to be fixed.
 */
fix: Fix | null, 
/**
 * A fact, for people who want to know; English.
 */
detail: string, };

export type Check = "realm_file" | "realm" | "udp" | "clock" | "keyring" | "client" | "engine" | "disk";

export type Verdict = "good" | "warning" | "broken" | "skipped";

export type Fix = "open_realm_file" | "connect_network" | "allow_https" | "wait_for_realm" | "ask_operator" | "allow_udp" | "set_clock" | "unlock_keyring" | "choose_folder" | "patch_client" | "reinstall_client" | "install_wine" | "free_disk" | "sign_in";

export type LogLine = { 
/**
 * Grows by one each.
 */
number: number, 
/**
 * Unix seconds.
 */
at: number, 
/**
 * How grave.
 */
level: LogLevel, 
/**
 * Who says it: the last part of the module's name.
 */
part: string, 
/**
 * What.
 */
text: string, };

export type LogLevel = "error" | "warn" | "info" | "debug";

export type Command = { "command": "open_realm", 
/**
 * Its whole text.
 */
text: string, } | { "command": "forget_realm" } | { "command": "sign_in", 
/**
 * Account name.
 */
username: string, 
/**
 * Password.
 */
password: string, } | { "command": "sign_in_invited", 
/**
 * The code.
 */
code: string, } | { "command": "sign_out" } | { "command": "set_host", 
/**
 * Where to.
 */
on: boolean, } | { "command": "play" } | { "command": "patch_client" } | { "command": "change_settings", 
/**
 * All of them.
 */
settings: Settings, } | { "command": "retry" } | { "command": "run_doctor" } | { "command": "dismiss_notes" } | { "command": "install_update" } | { "command": "quit" };

export type Question = { "question": "log", 
/**
 * 0 for all that are kept.
 */
after: number, } | { "question": "log_export" };

export type Answer = { "answer": "log", 
/**
 * The lines.
 */
lines: Array<LogLine>, } | { "answer": "text", 
/**
 * The text.
 */
text: string, };

export type CommandError = { 
/**
 * Which.
 */
code: CommandCode, 
/**
 * English, for logs.
 */
message: string, };

export type CommandCode = "not_now" | "bad_input" | "stopping" | "busy";
