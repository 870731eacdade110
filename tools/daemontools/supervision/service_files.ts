/**
 * The files by which a supervisor shows a service: lock, control, ok, status, up and dn [man supervise.9]. All stay open
 * while it is supervised, so that the folder may be renamed. Into the lock the supervisor writes which process it
 * started: the next supervisor adopts that one when this one was killed [decision 0051].
 */
import { errorText, Permanent, Temporary } from "../../../core/errors.ts";
import { latin1Bytes, latin1Text } from "../../../core/bytes.ts";
import { ERRNO, LibcError } from "../../../core/libc/libc.ts";
import { closeFd, OPEN, openFd, tryFlock, writeFdAt } from "../../../core/libc/fd.ts";
import { makeFifo } from "../../../core/libc/files.ts";
import { tryReadFd } from "../../../core/libc/poll.ts";
import { formatStatus, type Status, STATUS_BYTES, tryParseStatus } from "./status.ts";

/** Opens for finding only: asks for no permission to read. */
const O_PATH = 0o10000000;
/** Bytes of the note in the lock. */
const NOTE_BYTES = 80;

/** A process as it can be told from a later one with the same pid. */
export interface ProcessMark {
  readonly pid: number;
  /** Clock ticks from the start of the system to that of the process. */
  readonly startTicks: number;
  /** The system's, new at each boot. */
  readonly bootId: string;
}

/** Another supervisor has this service. */
export class ServiceBusy extends Permanent {
  override name = "ServiceBusy";
}

function fifo(path: string): string {
  try {
    makeFifo(path, 0o600);
  } catch (error) {
    if (!(error instanceof LibcError && error.errno === ERRNO.exist)) throw error;
    if (!Deno.statSync(path).isFifo) throw new Temporary(`${path} is not a named pipe: remove it`);
  }
  return path;
}

function readFifo(path: string): number {
  return openFd(fifo(path), OPEN.read | OPEN.nonblocking | OPEN.closeOnExec);
}

/** See above. */
export class ServiceFiles {
  /** Letters of svc are read from it; not blocking, never at its end. */
  readonly control: number;
  /** The state folder, wherever it has been renamed to. */
  readonly #folder: number;
  readonly #lock: number;
  readonly #ok: number;
  readonly #status: number;
  #shown: { readonly name: "up" | "dn"; readonly fd: number } | undefined;
  #closed = false;

  /** Makes what is missing in the folder. Throws ServiceBusy when another has the lock, Temporary. */
  constructor(folder: string) {
    const opened: number[] = [];
    const keep = (fd: number) => {
      opened.push(fd);
      return fd;
    };
    try {
      Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
      this.#folder = keep(openFd(folder, O_PATH | OPEN.closeOnExec));
      this.#lock = keep(openFd(`${folder}/lock`, OPEN.readWrite | OPEN.create | OPEN.closeOnExec));
      if (!tryFlock(this.#lock)) {
        throw new ServiceBusy(`unable to lock ${folder}/lock: another supervise has this service`);
      }
      this.control = keep(openFd(fifo(`${folder}/control`), OPEN.readWrite | OPEN.nonblocking | OPEN.closeOnExec));
      this.#status = keep(openStatus(`${folder}/status`));
      this.#ok = keep(readFifo(`${folder}/ok`));
      fifo(`${folder}/up`);
      fifo(`${folder}/dn`);
    } catch (error) {
      for (const fd of opened) closeFd(fd);
      throw error instanceof ServiceBusy ? error : new Temporary(errorText(error));
    }
  }

  /** The process that the supervisor before this one had started; its ticks only (pid 0) when that was about to. */
  readNote(): ProcessMark | undefined {
    const bytes = new Uint8Array(NOTE_BYTES);
    const note = latin1Text(bytes.subarray(0, tryReadFd(this.#lock, bytes) ?? 0));
    const [, pid, startTicks, bootId] = /^(\d+) (\d+) (\S+) *\n$/.exec(note) ?? [];
    return bootId === undefined ? undefined : { pid: Number(pid), startTicks: Number(startTicks), bootId };
  }

  /** Writes which process there is, or (undefined) that there is none. */
  writeNote(mark: ProcessMark | undefined): void {
    const text = mark ? `${mark.pid} ${mark.startTicks} ${mark.bootId}` : "";
    writeFdAt(this.#lock, latin1Bytes(`${text.padEnd(NOTE_BYTES - 1)}\n`), 0);
  }

  /** How the supervisor before this one left the service; to be read before anything is written. */
  readStatus(): Status | undefined {
    const bytes = new Uint8Array(STATUS_BYTES);
    return tryParseStatus(bytes.subarray(0, tryReadFd(this.#status, bytes) ?? 0));
  }

  writeStatus(status: Status): void {
    writeFdAt(this.#status, formatStatus(status), 0);
  }

  /** Opens up or dn for reading, which lets those through who wait in open(2), and closes the other. */
  show(what: "up" | "down" | undefined): void {
    const name = what === "down" ? "dn" : what;
    if (this.#shown?.name === name) return;
    if (this.#shown) closeFd(this.#shown.fd);
    this.#shown = undefined;
    if (name === undefined) return;
    this.#shown = { name, fd: readFifo(`/proc/self/fd/${this.#folder}/${name}`) };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#shown) closeFd(this.#shown.fd);
    for (const fd of [this.control, this.#ok, this.#status, this.#lock, this.#folder]) closeFd(fd);
  }
}

/** Readable for all, unlike what openFd makes. */
function openStatus(path: string): number {
  Deno.openSync(path, { write: true, create: true, mode: 0o644 }).close();
  return openFd(path, OPEN.readWrite | OPEN.closeOnExec);
}
