/** svc: tells the supervisors of services what to do [man svc.8]. */
import { defineApplet, type OptionSpecs, type Proc } from "../../../core/applet.ts";
import { errorText, Usage } from "../../../core/errors.ts";
import { pathExists } from "../../../core/path_exists.ts";
import { hasReader, sendLetters } from "./letters.ts";
import { stateFolderOf } from "./places.ts";
import { pause } from "./service.ts";
import { type Status, tryParseStatus } from "./status.ts";

/** Exit codes [man svc.8]. */
const EXITS = { done: 0, unreachable: 1, notSupervised: 2, timedOut: 3 } as const;
/** Letters that stand for themselves in the control pipe. */
const LETTERS = "udropchaitqUkGx12";
const LOOK_MS = 50;
/** Time that a service gets to go down before -w asks whether it is up again. */
const RESTART_MS = 1000;

/** The program. */
export const applet = defineApplet({
  names: ["svc"],
  section: 8,
  summary: "control supervised services",
  role: "tool",
  dialect: "chain",
  options: {},
  rawArguments: true,
  synopsis: "svc [-udropchaitqUkGwWx12] [-T seconds] folder...",
  description: `svc sends the letters, in their order, to the supervisor of each service.

-u: up; start it, and again when it ends. -d: down; stop it by TERM and CONT, after ./shutdown, and leave it down. -r: stop
it in this way and start it again. -o: start it once. -x: end the supervisor as soon as the service is down.

These are signals: -p STOP, -c CONT, -h HUP, -a ALRM, -i INT, -t TERM, -q QUIT, -k KILL, -U and -1 USR1, -2 USR2. After -G
the next one goes to the process group.

-w waits until each service is up, -W until it is down, after the letters were sent; -T ends that after so many seconds.`,
  exits: {
    "0": "all is done",
    "1": "a control pipe cannot be opened",
    "2": "a service is not supervised",
    "3": "the time of -T is over",
    "100": "an unknown option",
  },
  examples: [
    { command: "svc -dW /service/qmail-send.25", help: "stop a service and wait for its end" },
    { command: "svc -h /service/*", help: "HUP to all services" },
  ],
  seeAlso: ["supervise(8)", "svok(8)", "svstat(8)"],
  source: ["[man svc.8]"],
  async run(proc) {
    const call = parseCall(proc.args);
    let code: number = EXITS.done;
    if (call.letters !== "") {
      for (const service of call.services) code ||= send(proc, service, call.letters);
    }
    if (call.waitFor === undefined) return code;
    if (call.letters.includes("r")) await proc.clock.sleep(RESTART_MS);
    for (const service of call.services) code ||= await waitFor(proc, service, call);
    return code;
  },
});

interface Call {
  readonly letters: string;
  readonly waitFor: "up" | "down" | undefined;
  readonly timeoutMs: number | undefined;
  readonly services: readonly string[];
}

/** Options keep their order here, unlike elsewhere: it is the order of the letters. */
function parseCall(args: readonly string[]): Call {
  let letters = "";
  let wait: Call["waitFor"];
  let timeoutMs: number | undefined;
  let at = 0;
  for (; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (arg === "--") {
      at++;
      break;
    }
    if (!arg.startsWith("-") || arg === "-") break;
    for (let place = 1; place < arg.length; place++) {
      const letter = arg[place]!;
      if (letter === "T") {
        const text = place + 1 < arg.length ? arg.slice(place + 1) : args[++at];
        if (text === undefined || !/^\d{1,6}$/.test(text)) throw new Usage("option -T needs an argument: seconds");
        timeoutMs = Number(text) * 1000 || undefined;
        break;
      }
      if (letter === "w" || letter === "W") wait = letter === "w" ? "up" : "down";
      else if (!LETTERS.includes(letter)) throw new Usage(`unknown option -${letter}`);
      else if (!letters.includes(letter)) letters += letter;
    }
  }
  return { letters, waitFor: wait, timeoutMs, services: args.slice(at) };
}

function send<O extends OptionSpecs>(proc: Proc<O>, service: string, letters: string): number {
  try {
    if (!Deno.statSync(service).isDirectory) throw new Error("not a folder");
    if (sendLetters(`${stateFolderOf(service)}/control`, letters)) return EXITS.done;
    proc.log.line(`svc: warning: unable to control ${service}: supervise not running`);
    return EXITS.notSupervised;
  } catch (error) {
    proc.log.line(`svc: warning: unable to control ${service}: ${errorText(error)}`);
    return EXITS.unreachable;
  }
}

function tryStatus(state: string): Status | undefined {
  try {
    return tryParseStatus(Deno.readFileSync(`${state}/status`));
  } catch {
    return undefined; // being written, or gone with its supervisor
  }
}

/** up and dn have a reader when the service is up or down; the stock daemontools have a status file only. */
function isThere(state: string, wanted: "up" | "down"): boolean {
  if (hasReader(`${state}/${wanted === "up" ? "up" : "dn"}`)) return true;
  const status = tryStatus(state);
  return status !== undefined && status.up === (wanted === "up") && status.want !== (wanted === "up" ? "down" : "up");
}

async function waitFor<O extends OptionSpecs>(proc: Proc<O>, service: string, call: Call): Promise<number> {
  const wanted = call.waitFor ?? "up";
  if (!pathExists(service)) {
    proc.log.line(`svc: warning: unable to control ${service}: there is no such folder`);
    return EXITS.unreachable;
  }
  const startMs = performance.now();
  proc.log.line(`svc: waiting for ${service} to be ${wanted}`);
  const never = new AbortController().signal;
  for (;;) {
    const state = stateFolderOf(service);
    if (!hasReader(`${state}/ok`)) {
      if (wanted === "down") return EXITS.done; // its supervisor went with it (-x)
      proc.log.line(`svc: warning: ${service}: supervise not running`);
      return EXITS.notSupervised;
    }
    if (isThere(state, wanted)) return EXITS.done;
    if (call.timeoutMs !== undefined && performance.now() - startMs >= call.timeoutMs) {
      proc.log.line(`svc: ${service} is not ${wanted} after ${call.timeoutMs / 1000} seconds`);
      return EXITS.timedOut;
    }
    await pause(LOOK_MS, never);
  }
}
