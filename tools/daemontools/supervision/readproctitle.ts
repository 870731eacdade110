/** readproctitle: keeps the last bytes of its input where ps shows them [man readproctitle.8]. */
import { defineApplet } from "../../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../../core/errors.ts";

/** Fewest bytes of the last argument [man readproctitle.8]. */
const DOTS_MIN = 5;
/** Dots that stay at its left. */
const DOTS_KEPT = 3;
const DOT = 0x2e;
const READ_BYTES = 4096;
/** Fields of /proc/PID/stat behind the name: where the arguments lie, as proc(5) counts from 3. */
const ARGUMENTS_END_FIELD = 46;

/** The program. */
export const applet = defineApplet({
  names: ["readproctitle"],
  section: 8,
  summary: "keep the last lines of a log visible in ps",
  role: "tool",
  dialect: "chain",
  options: {},
  rawArguments: true,
  synopsis: "readproctitle [text]... dots",
  description:
    `readproctitle reads its standard input into the end of its last argument, at least five dots, moving what is there to the
left; three dots stay. ps shows the argument. It ends with its input.`,
  exits: { "100": "there are fewer than five dots", "111": "the arguments cannot be changed" },
  examples: [{
    command: "svscan 2>&1 | readproctitle service errors: ....................",
    help: "errors of svscan in ps",
  }],
  seeAlso: ["svscanboot(8)", "svscan(8)", "ps(1)"],
  source: ["[man readproctitle.8]"],
  async run(proc) {
    const dots = proc.args.at(-1) ?? "";
    if (dots.length < DOTS_MIN) throw new Usage("the last argument must be at least five dots");
    const title = openTitle(dots);
    const shown = new Uint8Array(title.length).fill(DOT);
    const log = shown.subarray(DOTS_KEPT);
    title.write(shown);
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const count = await proc.stdin.read(buffer);
      if (count === null) return;
      const text = buffer.subarray(0, count).filter((byte) => byte !== 0);
      const fresh = text.subarray(Math.max(0, text.length - log.length));
      log.copyWithin(0, fresh.length);
      log.set(fresh, log.length - fresh.length);
      title.write(shown);
    }
  },
});

/** The memory in which the kernel keeps the last argument. */
function openTitle(dots: string): { readonly length: number; write(bytes: Uint8Array): void } {
  try {
    const stat = Deno.readTextFileSync("/proc/self/stat");
    const end = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[ARGUMENTS_END_FIELD]);
    const bytes = new TextEncoder().encode(dots);
    const start = end - 1 - bytes.length;
    const memory = Deno.openSync("/proc/self/mem", { read: true, write: true });
    const there = new Uint8Array(bytes.length);
    memory.seekSync(start, Deno.SeekMode.Start);
    memory.readSync(there);
    if (there.some((byte, at) => byte !== bytes[at])) throw new Error("the last argument is not where it should be");
    return {
      length: bytes.length,
      write(text) {
        memory.seekSync(start, Deno.SeekMode.Start);
        memory.writeSync(text);
      },
    };
  } catch (error) {
    throw new Temporary(`unable to change the arguments: ${errorText(error)}`);
  }
}
