/** Numbers that options of the network programs take. */
import { Usage } from "../../../core/errors.ts";

/** A whole number of an option. Throws Usage naming it. */
export function numberOption(option: string, text: string, max: number): number {
  if (!/^\d+$/.test(text)) throw new Usage(`option ${option}: ${text} is not a number`);
  return Math.min(Number(text), max);
}
