import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';

/** Where a launcher finds the realm: the first line of `live --launcher`. */
export interface Invitation {
  coordinator: string;
  ca: string;
  link: string;
  user: string;
  password: string;
  game_folder: string;
  program: string;
}

/** How the launcher and its player fare: every further line. */
export interface News {
  map: string;
  online: boolean;
  logins: number;
  hunts: number;
  lost: number;
  carried_players: number;
  carried_groups: number;
  standbys: number;
  players: number;
  limbo: number;
  relogins: number;
}

/** A stock rAthena behind a coordinator, with hosts and OpenKore players: `live --launcher`. */
export class Stage {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    readonly invitation: Invitation,
  ) {}

  static async open(program: string, options: string[]): Promise<Stage> {
    const child = spawn(program, ['--launcher', ...options], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (!child.stdout) throw new Error('no output');
    const reader: Interface = createInterface({ input: child.stdout });
    const lines = reader[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done) throw new Error('the stage has ended before it began');
    return new Stage(child, lines, JSON.parse(first.value) as Invitation);
  }

  /** Gives an order, and hears what is new. */
  async tell(order: 'pull' | 'plug' | 'leave' | 'kill' | 'news' | 'end'): Promise<News> {
    this.child.stdin?.write(`${order}\n`);
    const line = await this.lines.next();
    if (line.done) throw new Error(`the stage has ended at ${order}`);
    return JSON.parse(line.value) as News;
  }

  /** Sends everybody home. */
  async end(): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => this.child.once('exit', resolve));
    this.child.stdin?.end();
    return ended;
  }

  kill(): void {
    this.child.kill('SIGTERM');
  }
}
