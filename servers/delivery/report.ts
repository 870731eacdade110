/**
 * Ends a delivery program as the original does: the report on standard output, the exit code of qmail-command.
 */
import type { ByteWriter } from "../../core/stream.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { realDisk } from "../../storage/disk.ts";
import type { DeliveryOutcome } from "./outcome.ts";

/** Makes Maildir names durable, writes the report and gives the exit code. */
export async function endDelivery(outcome: DeliveryOutcome, stdout: ByteWriter): Promise<number> {
  for (const folder of outcome.touched) await realDisk.syncDirectory(folder);
  await stdout.write(latin1Bytes(outcome.report.text));
  const { ok, temporary, permanent } = EXIT_DIALECTS.qmail;
  return { done: ok, temporary, permanent }[outcome.report.kind];
}
