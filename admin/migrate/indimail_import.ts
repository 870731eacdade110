/**
 * indimail import: reads what `indimail export` wrote into this installation's database, SQLite or MySQL, and makes the
 * domains that are missing.
 */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import type { ByteReader } from "../../core/stream.ts";
import { type Command, COMMAND_CONTROL, withCommand } from "../../storage/accounts/command.ts";
import { MYSQL_ENV } from "../../storage/accounts/mysql_settings.ts";
import { checkFileName, type PlacedLine, readExchange } from "./exchange_reader.ts";
import { DomainImporter } from "./import_domains.ts";
import { type ImportRules, RowImporter } from "./import_rows.ts";
import { ProgressLine } from "./progress.ts";

/** Differences that are told one by one. */
const TOLD_MAX = 20;

/** An input that may be read again from its beginning. */
interface Input extends ByteReader {
  readonly name: string;
  /** Undefined where that is not known. */
  readonly bytes: number | undefined;
  readonly rewind?: () => void;
  close(): void;
}

function openInput(path: string | undefined, stdin: ByteReader): Input {
  if (path === undefined || path === "-") {
    return { name: "standard input", bytes: undefined, read: (into) => stdin.read(into), close: () => undefined };
  }
  try {
    const file = Deno.openSync(checkFileName(path));
    const { isFile, size } = file.statSync();
    return {
      name: path,
      bytes: isFile ? size : undefined,
      read: (into) => file.read(into),
      ...(isFile ? { rewind: () => void file.seekSync(0, Deno.SeekMode.Start) } : {}),
      close: () => file.close(),
    };
  } catch (error) {
    if (error instanceof Permanent) throw error;
    if (error instanceof Deno.errors.NotFound) throw new Permanent(`there is no file ${path}`);
    throw new Temporary(`cannot read ${path}: ${(error as Error).message}`);
  }
}

export const applet = defineApplet({
  names: ["indimail-import"],
  section: 8,
  summary: "read accounts that indimail export wrote",
  role: "admin",
  dialect: "admin",
  options: {
    replace: {
      long: "replace",
      help: "what is there and differs becomes as the file has it; default: it is told of and left",
    },
    dryRun: { flag: "n", long: "dry-run", help: "only say what would be done" },
  },
  operands: [{ name: "file", help: "what export wrote; default, or -: standard input", optional: true }],
  description:
    `Adds what is missing: domains with folder, control files and alias domains, users, and all other rows. Databases and
tables are made where there are none. What is there and the same is left, so an import that was killed is finished by
the same command. What is there and differs is told of and left as it is, and the exit code is 1; with --replace it
becomes as the file has it. Nothing is ever removed.

A file is checked as a whole before anything is changed; standard input is taken as it comes. Rows go in by the thousand,
each thousand as one transaction. Mail for a domain is accepted when everything of it is there. Homes are as the file
has them, and are made at the first delivery or login.`,
  env: MYSQL_ENV,
  control: COMMAND_CONTROL,
  exits: {
    0: "all is here as the file has it",
    1: "something differs or is refused, the file is damaged, or the database failed",
  },
  examples: [
    { command: "indimail import --dry-run accounts.jsonl", help: "what would happen" },
    { command: "indimail import accounts.jsonl", help: "read it" },
  ],
  seeAlso: ["indimail-export(8)", "indimail-adopt(8)"],
  source: ["[decision 0078]"],
  async run(proc) {
    const { replace, dryRun } = proc.options;
    const input = openInput(proc.args[0], proc.stdin);
    const progress = new ProgressLine(Deno.stderr.isTerminal() ? proc.stderr : undefined, () => proc.clock.nowMs());
    try {
      if (input.rewind) {
        for await (const _checked of linesOf(input, progress));
        input.rewind();
      }
      let told = 0;
      const tell = (place: string, text: string) => {
        if (told++ < TOLD_MAX) void proc.stderr.write(utf8Bytes(`${place}: ${text}\n`));
      };
      const rules: ImportRules = { differing: replace ? "replace" : "refuse", dryRun };
      const imported = await withCommand(
        proc,
        { create: !dryRun },
        (command) => command.domains.locked(() => importAll(command, { input, rules, tell, progress })),
      );
      if (told > TOLD_MAX) await proc.stderr.write(utf8Bytes(`and ${told - TOLD_MAX} more\n`));
      await proc.stdout.write(utf8Bytes(imported.text));
      const exits = EXIT_DIALECTS.admin;
      return imported.left > 0 ? exits.permanent : exits.ok;
    } finally {
      await progress.clear();
      input.close();
    }
  },
});

/** What importAll works with. */
interface Work {
  readonly input: Input;
  readonly rules: ImportRules;
  readonly tell: (place: string, text: string) => void;
  readonly progress: ProgressLine;
}

/** The lines of an input, while the progress is drawn. */
async function* linesOf(input: Input, progress: ProgressLine): AsyncGenerator<readonly PlacedLine[]> {
  let [bytes, count] = [0, 0];
  for await (const lines of readExchange(input, { name: input.name, read: (total) => void (bytes = total) })) {
    count += lines.length;
    await progress.draw(count, input.bytes === undefined ? undefined : bytes / input.bytes);
    yield lines;
  }
}

async function importAll(command: Command, work: Work): Promise<{ readonly text: string; readonly left: number }> {
  const { input, rules, tell, progress } = work;
  const { database, tables: names } = command.accounts;
  const domains = await DomainImporter.make({ command, rules, told: tell });
  const rows = new RowImporter({ database, names, rules, told: tell });
  for await (const lines of linesOf(input, progress)) {
    for (const { line, number } of lines) {
      const place = `${input.name} line ${number}`;
      if (line.kind === "row") {
        if (line.table.name === "indimail" || line.table.name === "indibak") domains.home(line.row);
        const full = rows.add(line.table, line.row, place);
        if (full) await full;
      } else if (line.kind === "domain") await atPlace(place, domains.domain(line.domain, place));
      else if (line.kind === "file") await atPlace(place, domains.file(line.file, place));
    }
  }
  await rows.flush();
  await domains.finish();
  if (!rules.dryRun) await command.reload();
  return summary(rows, domains, rules);
}

async function atPlace(place: string, done: Promise<void>): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (error instanceof Permanent) throw new Permanent(`${place}: ${error.message}`);
    throw error;
  }
}

function summary(rows: RowImporter, domains: DomainImporter, { dryRun }: ImportRules) {
  const { added, same, replaced, left, refused } = rows.counts;
  const made = domains.counts;
  const allLeft = left + refused + made.left;
  const parts = [
    `${made.domains} domains`,
    `${made.aliases} alias domains`,
    `${made.files} files`,
    `${added} rows`,
  ];
  const text = `${dryRun ? "would add" : "added"} ${parts.join(", ")}; ` +
    `${dryRun ? "would replace" : "replaced"} ${replaced + made.replaced}; ` +
    `${same} rows are the same${allLeft === 0 ? "" : `; ${allLeft} differ or are refused, and are left`}\n`;
  return { text, left: allLeft };
}
