/** SMTP ports between the hosts of a cluster: table smtp_port of the central database [spec tables]. */
import { type Database, numberOf, textOf } from "../database.ts";

/** The port by which mail of a domain goes from one host to another; `*` as `from` is any host. */
export interface SmtpPort {
  readonly from: string;
  readonly to: string;
  readonly port: number;
}

/** The ports of a domain. */
export async function smtpPorts(central: Database, domain: string): Promise<readonly SmtpPort[]> {
  const sql = "SELECT host, src_host, port FROM smtp_port WHERE domain = ? ORDER BY host, src_host";
  const rows = await central.query(sql, [domain]);
  return rows.map((row) => ({ from: textOf(row, "src_host"), to: textOf(row, "host"), port: numberOf(row, "port") }));
}
