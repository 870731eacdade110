/**
 * vreorg: gives the users of a domain new places in its tree of folders, in the order of a list.
 */
import { defineApplet } from "../../core/applet.ts";
import { concatBytes, latin1Text } from "../../core/bytes.ts";
import type { ByteReader } from "../../core/stream.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { OLD_HOME_MS } from "../../storage/accounts/move_home.ts";
import { inputFile } from "../../storage/accounts/input_file.ts";
import { checkDomainName, checkUserName, shown } from "../../storage/accounts/names.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { moveUser } from "../../storage/accounts/user_moves.ts";
import type { UserRow } from "../../storage/accounts/users.ts";

/** Users moved before old places are ended together. */
const BATCH_USERS = 256;

export const applet = defineApplet({
  names: ["vreorg"],
  section: 8,
  summary: "rebuild the tree of users' folders of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell each move" },
    domain: { flag: "d", value: "domain", help: "the virtual domain" },
    reset: { flag: "r", help: "begin with an empty tree: the first users of the list get the first places" },
    keepCounts: { flag: "R", help: "do not count the old places out of the tree" },
    usersPerLevel: { flag: "l", value: "users", default: "100", help: "users of one directory" },
  },
  operands: [{ name: "list", help: "file with a user (or user@domain) a line; - is standard input" }],
  description:
    "Users who read their mail most are best listed first. Homes move while mail comes and is read; aliases that name a " +
    "home by its path follow. A user of the list who is not there is an error before anything is moved; a home that is in " +
    "its place already stays.",
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  exits: { 0: "all users of the list have new places", 1: "a user is unknown, or a step failed" },
  examples: [{ command: "vreorg -r -d example.org /tmp/users", help: "a tree made anew" }],
  seeAlso: ["printdir(1)", "vadduser(1)", "vmoveuserdir(1)"],
  source: ["[man vreorg.8]"],
  async run(proc) {
    const { options } = proc;
    if (options.domain === undefined) throw new Usage("give the domain with -d");
    const { usersPerLevel } = options;
    if (usersPerLevel !== undefined && !/^[1-9]\d{0,6}$/.test(usersPerLevel)) {
      throw new Usage(`-l ${shown(usersPerLevel)}: not a number of users`);
    }
    const perLevel = usersPerLevel === undefined ? undefined : Number(usersPerLevel);
    const name = checkDomainName(options.domain);
    const list = proc.args[0] ?? "";
    const told = await withCommand(proc, {}, async (command) => {
      const domain = await command.realDomain(name);
      const users = await usersOf(command, domain, { list, stdin: proc.stdin });
      const lines: string[] = [];
      let fresh = options.reset;
      for (let at = 0; at < users.length || fresh; at += BATCH_USERS) {
        const batch = users.slice(at, at + BATCH_USERS);
        const resets = fresh;
        fresh = false;
        const moved = await command.domains.locked(async () => {
          if (resets) await command.users.resetTree(domain);
          return await moveAll(command, domain, {
            users: batch,
            keepCounts: options.keepCounts || options.reset,
            perLevel,
          });
        });
        await command.forget();
        await proc.clock.sleep(OLD_HOME_MS);
        for (const { end } of moved) await end();
        lines.push(...moved.map(({ user, home }) => `${user.name}@${user.domain} ${home}\n`));
      }
      return lines;
    });
    if (options.verbose) await proc.stdout.write(new TextEncoder().encode(told.join("")));
    return await runPostHandle(proc, [name, list]);
  },
});

interface ListSource {
  readonly list: string;
  readonly stdin: ByteReader;
}

/** Longest list on standard input, bytes: a million users. */
const LIST_BYTES_MAX = 128 * 1_048_576;

async function readAll(stdin: ByteReader): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let length = 0;;) {
    const chunk = new Uint8Array(65536);
    const count = await stdin.read(chunk);
    if (count === null) return concatBytes(...chunks);
    length += count;
    if (length > LIST_BYTES_MAX) throw new Permanent(`the list is longer than ${LIST_BYTES_MAX} bytes`);
    chunks.push(chunk.subarray(0, count));
  }
}

async function usersOf(command: Command, domain: DomainEntry, from: ListSource): Promise<UserRow[]> {
  const { list } = from;
  const users: UserRow[] = [];
  const lines = (await readList(command, from)).split("\n");
  for (let at = 0; at < lines.length; at++) {
    const text = lines[at]!.trim().replace(new RegExp(`@${domain.domain.replaceAll(".", "\\.")}$`, "i"), "");
    if (text === "") continue;
    const user = await command.accounts.users.find(checkUserName(text), domain.domain);
    if (!user) throw new Permanent(`${list} line ${at + 1}: there is no user ${text}@${domain.domain}`);
    users.push(user);
  }
  return users;
}

async function readList(command: Command, { list, stdin }: ListSource): Promise<string> {
  if (list === "-") return latin1Text(await readAll(stdin));
  return latin1Text(await inputFile(list, (name) => command.disk.readFile(name)));
}

interface Batch {
  readonly users: readonly UserRow[];
  readonly keepCounts: boolean;
  readonly perLevel: number | undefined;
}

async function moveAll(command: Command, domain: DomainEntry, batch: Batch) {
  const { users: store, accounts } = command;
  const moved = [];
  for (const user of batch.users) {
    const asked = batch.perLevel === undefined ? {} : { usersPerDirectory: batch.perLevel };
    const result = await moveUser(command, {
      user,
      domain,
      keepPlace: batch.keepCounts,
      home: () => store.takePlace(user.name, domain, asked),
    });
    for (const { alias, line } of await accounts.aliases.list(domain.domain)) {
      if (!line.startsWith(`${user.home}/`) || user.home === result.home) continue;
      await accounts.aliases.replace(alias, domain.domain, {
        from: line,
        to: result.home + line.slice(user.home.length),
      });
    }
    moved.push({ ...result, user });
  }
  return moved;
}
