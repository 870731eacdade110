/** clearopensmtp: forgets logins by POP3 and IMAP that are too old to relay by, and makes the rules of tcpserver anew. */
import { defineApplet } from "../../core/applet.ts";
import { pathExists } from "../../core/path_exists.ts";
import { openAccounts } from "../../storage/accounts/accounts.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { RELAY_RULES_ENV, relaySeconds, updateRules } from "./relay_rules.ts";

export const applet = defineApplet({
  names: ["clearopensmtp"],
  section: 8,
  summary: "remove old grants of POP before SMTP",
  role: "admin",
  dialect: "admin",
  options: {
    table: { flag: "s", help: "clear the table only", cancels: ["rules"] },
    rules: { flag: "t", help: "make the rules only", cancels: ["table"] },
    cluster: { flag: "C", help: "clear the tables of all hosts of a cluster; this version has only the own one" },
  },
  description:
    `A login by IMAP or POP3 lets its address relay for RELAY_CLEAR_MINUTES: the SMTP server asks the table relay where
CHECKRELAY is set. clearopensmtp removes rows that are older; inlookup(8) does so once an hour.

For SMTP servers that do not ask, it then writes the addresses that are left, and the rules of TCP_FILE after them, to
TCP_FILE.cdb for tcpserver -x. That is left out where control/mcdinfo says that the host belongs to a cluster.`,
  env: RELAY_RULES_ENV,
  control: ["host.mysql", "mcdinfo"],
  exits: { 0: "done", 1: "a step failed" },
  seeAlso: ["updaterules(8)", "inlookup(8)", "indimail-smtpd(8)", "tcprules(1)"],
  source: ["[man clearopensmtp.8]", "[spec formats 26]", "[decision 0084]"],
  async run(proc) {
    const { paths, options } = proc;
    const env = (name: string) => proc.env.get(name);
    const seconds = relaySeconds(env("RELAY_CLEAR_MINUTES"));
    const accounts = await openAccounts({ paths, control: new ControlFiles(paths.control), env });
    try {
      if (!options.rules) await accounts.relay.removeOlder(Math.floor(proc.clock.nowMs() / 1000) - seconds);
      if (!options.table && !pathExists(`${paths.control}/mcdinfo`)) await updateRules(proc, accounts);
    } finally {
      await accounts.close();
    }
  },
});
