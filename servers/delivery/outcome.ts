/**
 * What a delivery has come to so far, and the texts of the original's reports.
 */
import type { DeliveryReport } from "../../storage/queue/delivery_channel.ts";

/** The end of a delivery to one recipient. */
export interface DeliveryOutcome {
  readonly report: DeliveryReport;
  /** Folders whose new names are not yet safe from a power cut. */
  readonly touched: readonly string[];
}

/** Success; `did` counts files, forwards and programs, as qmail-local says it. */
export function delivered(
  did: { readonly files: number; readonly forwards: number; readonly programs: number },
  more: { readonly text?: string; readonly touched?: readonly string[] } = {},
): DeliveryOutcome {
  const text = `${more.text ?? ""}did ${did.files}+${did.forwards}+${did.programs}\n`;
  return { report: { kind: "done", text }, touched: more.touched ?? [] };
}

/** A failure that another try may mend. */
export function deferred(text: string): DeliveryOutcome {
  return { report: { kind: "temporary", text: `${text}\n` }, touched: [] };
}

/** A failure that makes the message bounce. */
export function refused(text: string): DeliveryOutcome {
  return { report: { kind: "permanent", text: `${text}\n` }, touched: [] };
}
