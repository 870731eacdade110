/** tcprulescheck: says what tcpserver does with a peer by the rules of a cdb [man tcprulescheck.1]. */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { Cdb } from "../../storage/cdb/reader.ts";
import { ruleName } from "./rules/rule_keys.ts";
import { findRule, type RuleFound } from "./rules/rule_lookup.ts";

export const applet = defineApplet({
  names: ["tcprulescheck"],
  section: 1,
  summary: "show what tcpserver's rules say of a peer",
  role: "text",
  dialect: "chain",
  options: {},
  operands: [
    { name: "cdb", help: "the file made by tcprules" },
    { name: "ip", help: "address of the peer, in place of TCPREMOTEIP", optional: true },
    { name: "host", help: "name of the peer, in place of TCPREMOTEHOST", optional: true },
    { name: "info", help: "what ident says of the peer, in place of TCPREMOTEINFO", optional: true },
  ],
  description:
    `tcprulescheck prints the rule that tcpserver would follow for a connection, the environment variables that it sets and
removes, and whether the connection is allowed or denied. A network is shown as it would be written, 10.0.0.0/8.`,
  env: {
    TCPREMOTEIP: "address of the peer; default 0.0.0.0",
    TCPREMOTEHOST: "name of the peer; default none",
    TCPREMOTEINFO: "what ident says of the peer; default none",
  },
  examples: [{ command: "TCPREMOTEIP=10.1.2.3 tcprulescheck /etc/indimail/tcp/tcp.smtp.cdb", help: "may it connect?" }],
  seeAlso: ["tcprules(1)", "tcpserver(1)"],
  source: ["[man tcprulescheck.1]", "[spec formats 10]"],
  async run(proc) {
    const [path = "", ip, host, info] = proc.args;
    let cdb: Cdb;
    try {
      cdb = Cdb.open(path);
    } catch (error) {
      throw error instanceof Temporary ? error : new Temporary(`unable to read ${path}: ${errorText(error)}`);
    }
    const rule = findRule(cdb, {
      ip: ip ?? proc.env.get("TCPREMOTEIP") ?? "0.0.0.0",
      host: host ?? proc.env.get("TCPREMOTEHOST"),
      info: info ?? proc.env.get("TCPREMOTEINFO"),
    });
    await proc.stdout.write(new TextEncoder().encode(`${verdict(rule).join("\n")}\n`));
  },
});

function verdict(rule: RuleFound | undefined): string[] {
  if (!rule) return ["default:", "allow connection"];
  const lines = [`rule ${ruleName(rule.key)}:`];
  if (rule.deny) return [...lines, "deny connection"];
  for (const [name, value] of rule.settings) {
    lines.push(
      value === undefined ? `unset environment variable ${name}` : `set environment variable ${name}=${value}`,
    );
  }
  return [...lines, "allow connection"];
}
