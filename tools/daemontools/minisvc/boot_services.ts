/** minisvc --enable-service, --disable-service: whether the system starts a service of its own kind [man minisvc.9]. */
import type { OptionSpecs, Proc } from "../../../core/applet.ts";
import { Permanent, Usage } from "../../../core/errors.ts";
import { pathExists } from "../../../core/path_exists.ts";

/** Where unit files of systemd lie. */
const UNIT_FOLDERS = ["/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"] as const;
/** Where jobs of upstart lie, and in an older kind of it; a file NAME.override with `manual` keeps one from starting. */
const JOB_FOLDERS = ["/etc/init", "/etc/event.d"] as const;

/** Whether systemd runs this system; in a chroot or an image that is being built, units are only linked. */
export function hasSystemd(): boolean {
  return pathExists("/run/systemd/system");
}

/** Turns services of the system on and off. */
export class BootServices<O extends OptionSpecs> {
  readonly #proc: Proc<O>;
  readonly #root: string;

  /** `root` is put before every path; with one no program of the system is run. */
  constructor(proc: Proc<O>, root: string) {
    this.#proc = proc;
    this.#root = root;
  }

  /** Enables or disables each; what was done. Throws Usage and Permanent, before the first is touched where a name is wrong. */
  async turn(names: readonly string[], state: "on" | "off"): Promise<string> {
    if (names.length === 0) throw new Usage("name the services");
    for (const name of names) {
      if (!/^[\w@.:-]+$/.test(name)) throw new Usage(`${name} is no name of a service`);
    }
    const kinds = names.map((name) => ({ name, act: this.#actOf(name, state) }));
    const unknown = kinds.find(({ act }) => act === undefined);
    if (unknown) {
      throw new Permanent(
        `${unknown.name}: the system has no unit, job or script of that name`,
      );
    }
    let text = "";
    for (const { name, act } of kinds) {
      await act?.();
      text += `${state === "on" ? "Enabled" : "Disabled"} ${name}\n`;
    }
    return text;
  }

  #has(path: string): boolean {
    return pathExists(`${this.#root}${path}`);
  }

  #actOf(name: string, state: "on" | "off"): (() => Promise<void>) | undefined {
    const unit = name.endsWith(".service") ? name : `${name}.service`;
    if (UNIT_FOLDERS.some((folder) => this.#has(`${folder}/${unit}`))) {
      const act = state === "on" ? ["enable"] : hasSystemd() ? ["disable", "--now"] : ["disable"];
      return () => this.#command("systemctl", ...act, unit);
    }
    const folder = JOB_FOLDERS.find((each) => this.#has(`${each}/${name}.conf`));
    if (folder !== undefined) return () => this.#override(`${folder}/${name}.override`, state);
    if (this.#has(`/etc/init.d/${name}`)) return () => this.#script(name, state);
    return undefined;
  }

  async #override(path: string, state: "on" | "off"): Promise<void> {
    const file = `${this.#root}${path}`;
    if (state === "off") Deno.writeTextFileSync(file, "manual\n");
    else if (pathExists(file)) Deno.removeSync(file);
    await Promise.resolve();
  }

  /** A script of System V, by the program that the system has for its links. */
  async #script(name: string, state: "on" | "off"): Promise<void> {
    if (state === "off") await this.#command(`/etc/init.d/${name}`, "stop");
    if (this.#has("/sbin/chkconfig")) await this.#command("chkconfig", state === "on" ? "--add" : "--del", name);
    else if (this.#has("/sbin/rc-update")) await this.#command("rc-update", state === "on" ? "add" : "del", name);
    else {
      if (state === "on") await this.#command("update-rc.d", name, "defaults");
      await this.#command("update-rc.d", name, state === "on" ? "enable" : "disable");
    }
  }

  async #command(program: string, ...args: string[]): Promise<void> {
    if (this.#root !== "") return;
    const end = await (await this.#proc.spawn({ program, args })).ended;
    if (end.code !== 0 || end.signal !== 0) throw new Permanent(`${program} ${args.join(" ")} failed`);
  }
}
