/** newinclude: makes a binary mailing list of an :include: file. */
import { defineApplet } from "../../core/applet.ts";
import type { AddressDefaults } from "../../mail/address/recipient_list.ts";
import { includeEntries } from "./alias_text.ts";
import { ADDRESS_CONTROL, readAddressDefaults, readText, writeParts } from "./write_file.ts";

/** Characters of entries that are written at once. */
const BATCH_CHARACTERS = 64 * 1024;

export const applet = defineApplet({
  names: ["newinclude"],
  section: 1,
  summary: "create a binary mailing list from an :include: file",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [{ name: "list", help: "the file; list.bin is made of it, and list.tmp on the way" }],
  stopsAtOperand: true,
  description:
    `newinclude reads a list as sendmail has it and writes list.bin for fastforward; everybody may read that. A line has
addresses as a message's header has them, or :include: and the name of another list, which needs a newinclude of its own. Lines that begin with # are comments. Hosts are completed by the variables or the
control files. Programs and files to deliver to are not allowed in lists.`,
  env: {
    QMAILDEFAULTHOST: "instead of control file defaulthost",
    QMAILDEFAULTDOMAIN: "instead of control file defaultdomain",
    QMAILPLUSDOMAIN: "instead of control file plusdomain",
  },
  control: ADDRESS_CONTROL,
  exits: { "0": "done", "100": "the list is wrong", "111": "a file cannot be read or written; the old one stays" },
  examples: [{ command: "newinclude /etc/lists/staff", help: "makes /etc/lists/staff.bin" }],
  seeAlso: ["newaliases(1)", "fastforward(1)", "setmaillist(1)", "printmaillist(1)"],
  source: ["[man newinclude.1]", "[spec formats 19]"],
  async run(proc) {
    const [list = ""] = proc.args;
    const read = readAddressDefaults(proc.paths.control);
    const defaults = {
      defaultHost: proc.env.get("QMAILDEFAULTHOST") ?? read.defaultHost,
      defaultDomain: proc.env.get("QMAILDEFAULTDOMAIN") ?? read.defaultDomain,
      plusDomain: proc.env.get("QMAILPLUSDOMAIN") ?? read.plusDomain,
    };
    const entries = includeBatches(await readText(list), list, defaults);
    await writeParts({ path: `${list}.bin`, temporary: `${list}.tmp` }, entries);
  },
});

/** Entries of many lines at once: each part is waited for. */
function* includeBatches(text: string, list: string, defaults: AddressDefaults): Generator<string> {
  let batch = "";
  let lineNumber = 0;
  for (let at = 0; at <= text.length;) {
    const end = text.indexOf("\n", at);
    const line = text.slice(at, end < 0 ? text.length : end);
    batch += includeEntries({ text: line, lineNumber: ++lineNumber }, list, defaults);
    at = end < 0 ? text.length + 1 : end + 1;
    if (batch.length < BATCH_CHARACTERS) continue;
    yield batch;
    batch = "";
  }
  yield batch;
}
