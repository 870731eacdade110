/** crc: checksums of files, in the list form that crcdiff compares. */
import { crc32 } from "node:zlib";
import { defineApplet, type Proc } from "../../core/applet.ts";
import { latin1Bytes, utf8Bytes } from "../../core/bytes.ts";
import { errorText, Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { accountByUid, groupName } from "../../core/libc/account.ts";
import { formatDate, formatMode } from "./list_line.ts";

const READ_BYTES = 256 * 1024;
const CRC_MAX = 0xffffffff;

/** Names by number, each asked for once. */
function cached(nameOf: (id: number) => string | undefined): (id: number) => string {
  const names = new Map<number, string>();
  return (id) => {
    const name = names.get(id) ?? nameOf(id) ?? String(id);
    names.set(id, name);
    return name;
  };
}

const ownerName = cached((uid) => accountByUid(uid)?.name);
const ownGroupName = cached(groupName);

/** The checksum of a file's bytes; of what is no plain file, of what it is. */
async function checksum(path: string, stat: Deno.FileInfo, initial: number): Promise<number> {
  if (!stat.isFile) {
    return crc32(latin1Bytes(`${stat.mode} ${stat.ino} ${stat.dev} ${stat.rdev} ${stat.size}`), initial);
  }
  const file = await Deno.open(path);
  try {
    const buffer = new Uint8Array(READ_BYTES);
    let crc = initial;
    for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
      crc = crc32(buffer.subarray(0, count), crc);
    }
    return crc;
  } finally {
    file.close();
  }
}

interface Form {
  readonly verbose: boolean;
  readonly decimal: boolean;
  readonly tag: string | undefined;
  readonly initial: number;
}

async function lineOf(path: string, form: Form): Promise<string> {
  const stat = await Deno.stat(path);
  const crc = await checksum(path, stat, form.initial);
  const sum = form.decimal ? String(crc) : `0x${crc.toString(16).padStart(8, "0")}`;
  if (!form.verbose) return `${sum}\n`;
  const owner = `${ownerName(stat.uid ?? 0)}\t${ownGroupName(stat.gid ?? 0)}`;
  const tag = form.tag === undefined ? "" : `,tag=${form.tag}`;
  return `${sum} ${formatMode(stat.mode ?? 0)} ${owner}\t${formatDate(stat.mtime ?? new Date(0))} ${path}${tag}\n`;
}

function initialOf(text: string | undefined): number {
  const value = Number(text ?? "0");
  if (!/^(?:\d+|0x[0-9a-fA-F]+)$/.test(text ?? "0") || value > CRC_MAX) {
    throw new Usage(`${text} is not a checksum of 32 bits`);
  }
  return value;
}

async function run(proc: Proc, form: Form): Promise<number> {
  let code: number = EXIT_DIALECTS.qmail.ok;
  for (const path of proc.args) {
    let line: string;
    try {
      line = await lineOf(path, form);
    } catch (error) {
      await proc.stderr.write(utf8Bytes(`${proc.name}: warning: ${path}: ${errorText(error)}\n`));
      code = EXIT_DIALECTS.qmail.permanent;
      continue;
    }
    await proc.stdout.write(utf8Bytes(line));
  }
  return code;
}

export const applet = defineApplet({
  names: ["crc"],
  section: 1,
  summary: "checksum files",
  role: "tool",
  dialect: "qmail",
  options: {
    verbose: { flag: "v", help: "also mode, owner, group, date and name of the file: a list for crcdiff" },
    decimal: { flag: "d", help: "the checksum as a decimal number" },
    initial: { flag: "i", value: "checksum", default: "0", help: "continue from this checksum" },
    tag: { flag: "t", value: "tag", help: "added to the file's name in the list, as ,tag=TAG" },
  },
  operands: [{ name: "file", help: "a file or folder", repeat: true }],
  description:
    `crc prints the CRC-32 of each file, the one of PKZIP and of many other programs: 32 bits of the polynomial
0x04c11db7, reflected, as a hexadecimal number. Of a folder, socket or device it is that of its kind and number.`,
  exits: { "100": "a file could not be read; the others were listed" },
  examples: [{ command: "find /etc -print | sort | xargs crc -v >list", help: "a list to compare with later" }],
  seeAlso: ["crcdiff(1)", "sum(1)"],
  source: ["[man crc.1]"],
  run(proc) {
    const { verbose, decimal, tag, initial } = proc.options;
    return run(proc, { verbose, decimal, tag, initial: initialOf(initial) });
  },
});
