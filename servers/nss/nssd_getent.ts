/**
 * nssd-getent: asks nssd as getent(1) asks the C library: whole tables or entries by name and number, as lines of the
 * files. For operators who set nssd up, and where the C library has no module for it [decision 0076].
 */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Permanent, Temporary, Usage } from "../../core/errors.ts";
import type { Paths } from "../../core/paths.ts";
import { isId } from "./name_source.ts";
import { readExactly } from "./peer_server.ts";
import { formatQuestion, HEAD_BYTES, type NameQuery, parseAnswerHead, parseRecords } from "./protocol.ts";

/** Longest wait for an answer. */
const ANSWER_TIMEOUT_MS = 30_000;
/** getent's exit codes [man getent.1]. */
const NOT_FOUND = 2;
/** Lines written at once. */
const LINES_A_WRITE = 1000;

type Ask = (query: NameQuery, key?: string) => Promise<string[][]>;

async function ask(path: string, query: NameQuery, key: string): Promise<string[][]> {
  let connection: Deno.UnixConn;
  try {
    connection = await Deno.connect({ transport: "unix", path });
  } catch (error) {
    throw new Temporary(`nssd does not answer on ${path}: ${errorText(error)}`);
  }
  const timer = setTimeout(() => connection.close(), ANSWER_TIMEOUT_MS);
  try {
    await connection.write(formatQuestion(query, key));
    const head = await readExactly(connection, HEAD_BYTES);
    if (!head) throw new Temporary(`nssd on ${path} ended the connection without an answer`);
    const { count, bytes } = parseAnswerHead(head);
    const body = await readExactly(connection, bytes);
    if (!body) throw new Temporary(`nssd on ${path} ended its answer early`);
    return parseRecords(body, count, query);
  } catch (error) {
    if (error instanceof Temporary || error instanceof Permanent) throw error;
    throw new Temporary(`nssd on ${path}: ${errorText(error)}`);
  } finally {
    clearTimeout(timer);
    closeQuietly(connection);
  }
}

function closeQuietly(connection: Deno.UnixConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** A table: the questions for all, by name and by number, and an entry as a line. */
interface Table {
  readonly all: NameQuery;
  readonly byName: NameQuery;
  readonly byNumber?: NameQuery;
  line(entry: readonly string[], ask: Ask): Promise<string> | string;
}

const TABLES: Readonly<Record<string, Table>> = {
  passwd: {
    all: "passwdAll",
    byName: "passwdByName",
    byNumber: "passwdByUid",
    line: (entry) => entry.join(":"),
  },
  group: {
    all: "groupAll",
    byName: "groupByName",
    byNumber: "groupByGid",
    async line(entry, ask) {
      const members = await ask("membersOfGid", entry[2]);
      return `${entry.join(":")}:${members.map(([member]) => member).join(",")}`;
    },
  },
  shadow: {
    all: "shadowAll",
    byName: "shadowByName",
    line: (entry) => entry.map((field, column) => column >= 2 && field === "-1" ? "" : field).join(":"),
  },
};

async function entriesOf(table: Table, key: string, ask: Ask): Promise<string[][]> {
  return table.byNumber !== undefined && isId(key) ? await ask(table.byNumber, key) : await ask(table.byName, key);
}

/** The socket that nssd-getent asks. */
function socketOf(paths: Paths, options: { readonly socket: string | undefined }, env: string | undefined): string {
  return options.socket ?? env ?? `${paths.run}/pwdlookup/nssd.sock`;
}

/** The program. */
export const applet = defineApplet({
  names: ["nssd-getent"],
  section: 1,
  summary: "ask nssd for users, groups and shadow entries",
  role: "tool",
  dialect: "admin",
  options: {
    socket: { flag: "s", value: "socket", default: "NSSD_SOCKET, or that of nssd", help: "Unix socket to ask on" },
  },
  operands: [
    { name: "database", help: "passwd, group, shadow or initgroups (the groups of users)" },
    { name: "key", help: "a name or number; none: all entries", optional: true, repeat: true },
  ],
  description:
    "nssd-getent prints what nssd finds as lines of the files passwd, group and shadow. Shadow entries are " +
    "told to root only: others find none.",
  env: { NSSD_SOCKET: "Unix socket to ask on" },
  exits: {
    0: "all keys were found",
    1: "the call is wrong, or nssd does not answer",
    2: "a key was not found",
  },
  examples: [{ command: "nssd-getent passwd alice@example.org", help: "the entry of a user" }],
  seeAlso: ["nssd(8)", "getent(1)"],
  source: ["[man nssd.9]", "[decision 0076]"],
  async run(proc) {
    const [name = "", ...keys] = proc.args;
    const path = socketOf(proc.paths, proc.options, proc.env.get("NSSD_SOCKET"));
    const asked: Ask = (query, key = "") => ask(path, query, key);
    const write = (lines: readonly string[]) => proc.stdout.write(new TextEncoder().encode(lines.join("")));
    let missing = false;
    if (name === "initgroups") {
      if (keys.length === 0) throw new Usage("initgroups needs the name of a user");
      for (const key of keys) {
        const gids = await asked("gidsOfMember", key);
        missing ||= gids.length === 0;
        await write([`${key.padEnd(21)} ${gids.map(([gid]) => gid).join(" ")}\n`]);
      }
      return missing ? NOT_FOUND : 0;
    }
    const table = Object.hasOwn(TABLES, name) ? TABLES[name]! : undefined;
    if (!table) throw new Usage(`no database ${name}: passwd, group, shadow or initgroups`);
    const found = keys.length === 0 ? [await asked(table.all)] : [];
    for (const key of keys) {
      const entries = (await entriesOf(table, key, asked)).slice(0, 1);
      missing ||= entries.length === 0;
      found.push(entries);
    }
    const lines: string[] = [];
    for (const entry of found.flat()) {
      lines.push(`${await table.line(entry, asked)}\n`);
      if (lines.length >= LINES_A_WRITE) await write(lines.splice(0));
    }
    if (lines.length > 0) await write(lines);
    return missing ? NOT_FOUND : 0;
  },
});
