/** tcprules: compiles the rules by which tcpserver takes or refuses connections into a cdb [man tcprules.1]. */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import { CdbWriter } from "../../storage/cdb/writer.ts";
import { realDisk } from "../../storage/disk.ts";
import { readByteLines } from "./byte_lines.ts";
import { parseRule } from "./rules/rule_text.ts";

export const applet = defineApplet({
  names: ["tcprules"],
  section: 1,
  summary: "compile rules for tcpserver",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [
    { name: "cdb", help: "the file that tcpserver reads" },
    { name: "tmp", help: "written first, then moved over cdb; on the same filesystem" },
  ],
  description:
    `tcprules reads rules from its standard input, one a line, and replaces cdb with them at once; running servers follow the
new rules from the next connection on. When a line is wrong, the old cdb stays.

A rule is an address, a colon, and allow or deny. After it may stand settings of environment variables, each after a comma:
NAME="value" with any character in place of the quotes, or !NAME to remove a variable. Lines that begin with # and empty
lines are skipped.

The address is one of: an IPv4 or IPv6 address; a network as 10.2/16 or 2001:db8::/32; the beginning of an IPv4 address
with its final dot, 10.2.; a range of one number, 10.2.3.4-7 or 10.2-5.; =host with a host name; =.example.com for all hosts
below it; = for any host that has a name; info@ before an address or =host, where info is what ident says; nothing at all for
everybody. The most exact rule is followed; of several networks the smallest.`,
  examples: [{
    command: `printf '127.:allow,RELAYCLIENT=""\\n10.9/16:deny\\n:allow\\n' | tcprules tcp.cdb tcp.tmp`,
    help: "this host may relay, 10.9.*.* may not connect, everybody else may",
  }],
  seeAlso: ["tcprulescheck(1)", "tcpserver(1)"],
  source: ["[man tcprules.1]", "[spec formats 10]"],
  async run(proc) {
    const [path = "", temporary = ""] = proc.args;
    await compileRules(proc.stdin, path, temporary);
  },
});

/** Compiles the rules of `input`. Throws Permanent for a bad line, Temporary when a file cannot be written. */
export async function compileRules(input: ByteReader, path: string, temporary: string): Promise<void> {
  const writer = await CdbWriter.create(realDisk, path, temporary).catch((error) => {
    throw new Temporary(`unable to create ${temporary}: ${errorText(error)}`);
  });
  try {
    const add = (key: Uint8Array, data: Uint8Array) => {
      writer.begin(key.length, data.length);
      writer.key(key);
      writer.data(data);
    };
    await readByteLines(input, async (lines) => {
      for (const line of lines) {
        parseRule(line, add);
        if (writer.full) await writer.drain();
      }
    });
  } catch (error) {
    await writer.abort().catch(() => undefined); // what failed before is what counts
    throw error instanceof Permanent ? error : new Temporary(`unable to write to ${temporary}: ${errorText(error)}`);
  }
  try {
    await writer.finish();
  } catch (error) {
    await Deno.remove(temporary).catch(() => undefined); // it may be in place already
    throw new Temporary(`unable to move ${temporary} to ${path}: ${errorText(error)}`);
  }
}
