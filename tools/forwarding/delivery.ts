/** The delivery that a program is part of, as its environment tells it [man qmail-command.8]. Values are latin1 text. */
import type { Env } from "../../core/applet.ts";
import { byteText } from "../../core/byte_text.ts";
import { Permanent } from "../../core/errors.ts";

/** Variables of a delivery, for the declarations of programs. */
export const DELIVERY_ENV = {
  SENDER: "envelope sender of the message",
  NEWSENDER: "envelope sender of what is forwarded: the list's owner, or the sender",
  RECIPIENT: "envelope recipient",
  LOCAL: "local part of the recipient",
  HOST: "domain of the recipient",
  USER: "name of the user who gets the message",
  EXT: "extension of the address",
  DEFAULT: "what -default of the .qmail file's name stands for",
  DTLINE: "the Delivered-To line, with its line end",
  RPLINE: "the Return-Path line, with its line end",
  UFLINE: "the line that begins a message in an mbox, with its line end",
  QQEH: "header lines that the queue adds; none unless set",
} as const;

/** Declarations of some of them. */
export function deliveryEnv<K extends keyof typeof DELIVERY_ENV>(
  ...names: readonly K[]
): Pick<typeof DELIVERY_ENV, K> {
  // what was picked by these names has these names
  return Object.fromEntries(names.map((name) => [name, DELIVERY_ENV[name]])) as Pick<typeof DELIVERY_ENV, K>;
}

/** A variable; undefined when it is not set. */
export function variable(proc: { readonly env: Env }, name: string): string | undefined {
  const text = proc.env.get(name);
  return text === undefined ? undefined : byteText(text);
}

/** A variable without which nothing can be done. Throws Permanent. */
export function neededVariable(proc: { readonly env: Env }, name: string): string {
  const text = variable(proc, name);
  if (text === undefined) throw new Permanent(`${name} is not set: this runs from a .qmail file`);
  return text;
}

/** The operands as latin1 text. */
export function byteArgs(args: readonly string[]): string[] {
  return args.map(byteText);
}
