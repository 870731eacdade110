/** updaterules: makes the rules of tcpserver from a file and the addresses that may relay after a login. */
import { defineApplet } from "../../core/applet.ts";
import { openAccounts } from "../../storage/accounts/accounts.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { RELAY_RULES_ENV, updateRules } from "./relay_rules.ts";

export const applet = defineApplet({
  names: ["updaterules"],
  section: 8,
  summary: "make the rules of tcpserver with the addresses of POP before SMTP",
  role: "admin",
  dialect: "admin",
  options: {},
  description:
    `Writes TCP_FILE.cdb: first a rule ADDRESS:allow,RELAYCLIENT="" for each address of the table relay that is not too old,
then the rules of TCP_FILE. Our own SMTP server does not need it: with CHECKRELAY set it asks the table, for the sender that
logged in and for no other.`,
  env: RELAY_RULES_ENV,
  control: ["host.mysql"],
  exits: { 0: "done", 1: "a step failed" },
  seeAlso: ["clearopensmtp(8)", "tcprules(1)", "tcpserver(1)"],
  source: ["[man updaterules.8]", "[spec formats 26]"],
  async run(proc) {
    const { paths } = proc;
    const control = new ControlFiles(paths.control);
    const accounts = await openAccounts({ paths, control, env: (name) => proc.env.get(name) });
    try {
      await updateRules(proc, accounts);
    } finally {
      await accounts.close();
    }
  },
});
