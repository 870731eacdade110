/**
 * The header fields that filter rules name by number: control/headerlist, else headerlist in the folder above, where the
 * original has it, else the built-in list [man vcfilter.9]. Lists that differ would apply rules to other fields.
 */
import { FILTER_HEADERS } from "../../mail/filter/rules.ts";
import type { ControlFiles } from "./control.ts";

const HEADER_LIST = "headerlist";

/** Names of header fields by their numbers. Throws Temporary when there is a list that cannot be read. */
export function filterHeaderNames(control: Pick<ControlFiles, "text">): readonly string[] {
  const text = control.text(HEADER_LIST) ?? control.text(`../${HEADER_LIST}`) ?? "";
  const names = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return names.length > 0 ? names : FILTER_HEADERS;
}
