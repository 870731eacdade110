/**
 * Lines of a log as multilog sees them: stamped, selected by the first 1000 bytes, gathered for each folder. Works on
 * whole chunks; a line's start is kept until its end or 1000 bytes of it are there, so that no write ends within it.
 */
import { concatBytes } from "../../core/bytes.ts";
import { type LogScript, matchesPattern } from "./log_script.ts";
import { nowNanoseconds, STAMP_BYTES, StampWriter } from "./stamp.ts";

/** Bytes of a line that patterns and status files see [man multilog.8]. */
export const LINE_HEAD_BYTES_MAX = 1000;
/** Bytes of a line that the action e shows [man multilog.8]. */
const ALERT_BYTES_MAX = 200;
const LF = 10;
const NONE = new Uint8Array(0);
const ALERT_MORE = new Uint8Array([46, 46, 46, LF]);
const ALERT_END = new Uint8Array([LF]);

/** What a chunk has come to. All are valid until the next chunk. */
export interface ChunkOutput {
  /** For each folder of the script, in order. */
  readonly folders: readonly Uint8Array[];
  /** For standard error; empty when there is none. */
  readonly alerts: Uint8Array;
  /** The last content of each status file that changes, by the number of its action. */
  readonly statuses: ReadonlyMap<number, Uint8Array>;
}

/** Inserts a label at the start of each line. */
class Stamper {
  #buffer = new Uint8Array(256 * 1024);
  #atLineStart = true;
  readonly #stamp = new StampWriter();

  stamped(bytes: Uint8Array): Uint8Array {
    this.#stamp.set(nowNanoseconds());
    const stamp = this.#stamp.bytes;
    let used = 0;
    for (let at = 0; at < bytes.length;) {
      const lf = bytes.indexOf(LF, at);
      const end = lf < 0 ? bytes.length : lf + 1;
      this.#reserve(used, used + STAMP_BYTES + 1 + end - at);
      if (this.#atLineStart) {
        this.#buffer.set(stamp, used);
        used += stamp.length;
      }
      this.#buffer.set(bytes.subarray(at, end), used);
      used += end - at;
      this.#atLineStart = lf >= 0;
      at = end;
    }
    return this.#buffer.subarray(0, used);
  }

  #reserve(used: number, needed: number): void {
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(needed * 2);
    larger.set(this.#buffer.subarray(0, used));
    this.#buffer = larger;
  }
}

/** The bytes for one folder: ranges of a chunk, joined while they touch, else copied together. */
class Gathered {
  #source: Uint8Array = NONE;
  #start = 0;
  #end = 0;
  #buffer = NONE;
  #used = 0;

  begin(source: Uint8Array): void {
    this.#source = source;
    this.#start = this.#end = this.#used = 0;
  }

  add(start: number, end: number): void {
    if (start === this.#end && this.#end > this.#start) this.#end = end;
    else {
      this.#keep();
      this.#start = start;
      this.#end = end;
    }
  }

  finish(): Uint8Array {
    if (this.#used === 0) return this.#source.subarray(this.#start, this.#end);
    this.#keep();
    return this.#buffer.subarray(0, this.#used);
  }

  #keep(): void {
    if (this.#end === this.#start) return;
    if (this.#buffer.length < this.#source.length) this.#buffer = new Uint8Array(this.#source.length);
    this.#buffer.set(this.#source.subarray(this.#start, this.#end), this.#used);
    this.#used += this.#end - this.#start;
  }
}

/** Applies a script to a stream of bytes. */
export class LogLines {
  /** False: lines begin deselected (multilog after INT). Takes effect at the next line. */
  logging = true;
  readonly #script: LogScript;
  readonly #stamper: Stamper | undefined;
  readonly #folders: readonly Gathered[];
  /** Whether each folder takes the line that is being read. */
  readonly #takes: boolean[];
  /** True when the script only names folders, so that chunks need not be looked at. */
  readonly #plain: boolean;
  #start: Uint8Array = NONE;
  #withinLine = false;
  #alerts: Uint8Array[] = [];
  #statuses = new Map<number, Uint8Array>();

  constructor(script: LogScript) {
    this.#script = script;
    this.#stamper = script.timestamps ? new Stamper() : undefined;
    this.#folders = script.actions.filter(({ kind }) => kind === "folder").map(() => new Gathered());
    this.#takes = this.#folders.map(() => true);
    this.#plain = this.#folders.length === script.actions.length;
  }

  /** True when the last byte ended a line, or there was none. */
  get atLineStart(): boolean {
    return !this.#withinLine && this.#start.length === 0;
  }

  /** Takes the next bytes. */
  push(bytes: Uint8Array): ChunkOutput {
    const stamped = this.#stamper ? this.#stamper.stamped(bytes) : bytes;
    const chunk = this.#start.length > 0 ? concatBytes(this.#start, stamped) : stamped;
    this.#start = NONE;
    for (const folder of this.#folders) folder.begin(chunk);
    if (this.#alerts.length > 0) this.#alerts = [];
    if (this.#statuses.size > 0) this.#statuses = new Map();
    if (this.#plain && this.logging && this.#takes.every(Boolean)) this.#pushWhole(chunk);
    else this.#pushLines(chunk);
    return {
      folders: this.#folders.map((folder) => folder.finish()),
      alerts: this.#alerts.length === 0 ? NONE : concatBytes(...this.#alerts),
      statuses: this.#statuses,
    };
  }

  /** Ends a last line without newline by one. */
  end(): ChunkOutput {
    return this.push(this.atLineStart ? NONE : ALERT_END);
  }

  #pushWhole(chunk: Uint8Array): void {
    const last = chunk.lastIndexOf(LF) + 1;
    if (last > 0) this.#withinLine = false;
    let end = last;
    if (this.#withinLine || chunk.length - last >= LINE_HEAD_BYTES_MAX) {
      this.#withinLine = true;
      end = chunk.length;
    } else this.#start = chunk.slice(last);
    for (const folder of this.#folders) folder.add(0, end);
  }

  #pushLines(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const lf = chunk.indexOf(LF, at);
      const end = lf < 0 ? chunk.length : lf + 1;
      if (!this.#withinLine) {
        if (lf < 0 && end - at < LINE_HEAD_BYTES_MAX) {
          this.#start = chunk.slice(at);
          return;
        }
        this.#decide(chunk, at, Math.min(lf < 0 ? end : lf, at + LINE_HEAD_BYTES_MAX));
      }
      this.#takes.forEach((takes, folder) => {
        if (takes) this.#folders[folder]!.add(at, end);
      });
      this.#withinLine = lf < 0;
      at = end;
    }
  }

  #decide(chunk: Uint8Array, start: number, end: number): void {
    const range = { start, end };
    let selected = this.logging;
    let folder = 0;
    const actions = this.#script.actions;
    for (let place = 0; place < actions.length; place++) {
      const action = actions[place]!;
      if (action.kind === "select") selected ||= matchesPattern(action.pattern, chunk, range);
      else if (action.kind === "deselect") selected &&= !matchesPattern(action.pattern, chunk, range);
      else if (action.kind === "folder") this.#takes[folder++] = selected;
      else if (selected) this.#show(chunk.subarray(start, end), action.kind === "alert" ? undefined : place);
    }
  }

  /** Keeps a line's head for standard error, or for the status file of that action. */
  #show(head: Uint8Array, place: number | undefined): void {
    if (place === undefined) {
      const shown = head.subarray(0, ALERT_BYTES_MAX);
      this.#alerts.push(shown, head.length > ALERT_BYTES_MAX ? ALERT_MORE : ALERT_END);
    } else this.#statuses.set(place, head);
  }
}
