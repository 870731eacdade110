/** What the programs share that change something and then become another program. */
import type { OperandSpec, OptionSpecs, Proc } from "../../core/applet.ts";

/** The operands behind a program's own. */
export const CHILD_OPERANDS: readonly OperandSpec[] = [
  { name: "child", help: "program that is then run in place of this one, found in PATH" },
  { name: "argument", help: "arguments of child", optional: true, repeat: true },
];

/** Becomes the program of `child`. Throws Temporary when that cannot be run. */
export function execChild<O extends OptionSpecs>(
  proc: Proc<O>,
  child: readonly string[],
  env?: Readonly<Record<string, string>>,
): never {
  const [program = "", ...args] = child;
  return proc.exec(program, args, env);
}
