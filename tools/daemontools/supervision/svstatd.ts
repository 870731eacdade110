/** svstatd: answers over a connection how a service stands [man svstatd.8]. */
import { defineApplet, type OptionSpecs, type Proc } from "../../../core/applet.ts";
import { Permanent, Temporary } from "../../../core/errors.ts";
import { EXIT_DIALECTS } from "../../../core/exits.ts";
import { latin1Bytes, latin1Text } from "../../../core/bytes.ts";
import { readStand, standCode, standLine } from "./stand.ts";

/** Longest question. */
export const QUESTION_BYTES_MAX = 1024;
/** Longest answer of a container. */
const ANSWER_BYTES_MAX = 4096;

/** The program. */
export const applet = defineApplet({
  names: ["svstatd"],
  section: 8,
  summary: "tell other hosts how services stand",
  role: "tool",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `svstatd reads a line, a folder of services and the name of one, and answers as svstat does. With docker or podman and a
container as third and fourth word svstat is asked in that container. It runs under tcpserver; rsvc asks it.`,
  exits: { "0": "the service is up; else as svstat", "111": "the question is none, or the service is not there" },
  examples: [{ command: "tcpserver -HR 0 3002 svstatd", help: "answer on port 3002" }],
  seeAlso: ["rsvc(1)", "svstat(8)", "tcpserver(1)"],
  source: ["[man svstatd.8]"],
  async run(proc) {
    try {
      return await answer(proc);
    } catch (error) {
      if (!(error instanceof Temporary || error instanceof Permanent)) throw error;
      await proc.stdout.write(latin1Bytes(`svstatd: fatal: ${error.message}\n`));
      throw error;
    }
  },
});

/** What is asked. */
export interface Question {
  readonly service: string;
  readonly container: { readonly program: "docker" | "podman"; readonly id: string } | undefined;
}

/** Reads a question; undefined when it is none. */
export function tryParseQuestion(line: string): Question | undefined {
  const [folder = "", name, program, id, ...more] = line.replace(/\r?$/, "").split(" ");
  if (name === undefined || name === "" || !folder.startsWith("/") || more.length > 0) return undefined;
  if (/[/\0]/.test(name.replace(/\/log$/, "")) || folder.split("/").includes("..") || name === "..") return undefined;
  const service = `${folder}/${name}`;
  if (program === undefined) return { service, container: undefined };
  if ((program !== "docker" && program !== "podman") || !/^\w[\w.-]*$/.test(id ?? "")) return undefined;
  return { service, container: { program, id: id ?? "" } };
}

async function readLine<O extends OptionSpecs>(proc: Proc<O>): Promise<string> {
  const bytes = new Uint8Array(QUESTION_BYTES_MAX);
  for (let length = 0; length < bytes.length;) {
    const count = await proc.stdin.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
    const end = bytes.subarray(0, length).indexOf(10);
    if (end >= 0) return latin1Text(bytes.subarray(0, end));
  }
  throw new Temporary("invalid input: a line with a folder and a service is expected");
}

async function answer<O extends OptionSpecs>(proc: Proc<O>): Promise<number> {
  const question = tryParseQuestion(await readLine(proc));
  if (!question) throw new Temporary("invalid input: a line with a folder and a service is expected");
  if (question.container) return await askContainer(proc, question.service, question.container);
  const stand = readStand(question.service);
  if (stand.kind === "unknown") throw new Temporary(stand.why);
  await proc.stdout.write(latin1Bytes(`${standLine(question.service, stand, proc.clock.nowMs())}\n`));
  return standCode(stand);
}

async function askContainer<O extends OptionSpecs>(
  proc: Proc<O>,
  service: string,
  { program, id }: NonNullable<Question["container"]>,
): Promise<number> {
  const child = await proc.spawn({
    program,
    args: ["exec", id, "svstat", service],
    fds: { 0: "null", 1: "pipe-out", 2: 2 },
  });
  const reader = child.readers.get(1);
  const bytes = new Uint8Array(ANSWER_BYTES_MAX);
  let length = 0;
  for (let count; length < bytes.length && (count = await reader?.read(bytes.subarray(length)));) length += count;
  reader?.close();
  const end = await child.ended;
  await proc.stdout.write(bytes.subarray(0, length));
  return end.signal === 0 ? end.code : EXIT_DIALECTS.chain.temporary;
}
