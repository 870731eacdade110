/** The x programs: copy the records that a question is about, as they are. */
import type { Proc } from "../../core/applet.ts";
import { TextWriter } from "./lines.ts";
import { readRecords } from "./read_records.ts";
import { type DeliveryRecord, formatDelivery, formatMessage, type MessageRecord } from "./records.ts";

/** Which records to copy. */
export interface Choice {
  message(record: MessageRecord): boolean;
  delivery(record: DeliveryRecord): boolean;
}

/** Copies from standard input to standard output. */
export async function copyChosen(proc: Pick<Proc, "stdin" | "stdout">, choice: Choice): Promise<void> {
  const out = new TextWriter(proc.stdout);
  await readRecords(proc.stdin, {
    message: (record) => choice.message(record) && out.line(formatMessage(record)),
    delivery: (record) => choice.delivery(record) && out.line(formatDelivery(record)),
  }, () => out.flush());
  await out.flush();
}
