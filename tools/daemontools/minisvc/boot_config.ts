/** minisvc --config: what starts svscan with the system, and the account that writes logs. */
import type { OptionSpecs, Proc } from "../../../core/applet.ts";
import { Permanent, Usage } from "../../../core/errors.ts";
import { accountByName, groupId } from "../../../core/libc/account.ts";
import { pathExists } from "../../../core/path_exists.ts";
import { hasSystemd } from "./boot_services.ts";
import { findProgram } from "../../../core/self.ts";

const UNIT = "/etc/systemd/system/svscan.service";
const INITTAB = "/etc/inittab";
const ACCOUNT = "qmaill";
const GROUP = "nofiles";

function unitText(program: string, folder: string): string {
  return `[Unit]
Description=SVscan Service
After=local-fs.target network.target

[Service]
ExecStart=${program} ${folder}
Restart=on-failure
RestartSec=10
Type=simple
KillMode=mixed
TimeoutStopSec=90

[Install]
WantedBy=multi-user.target
`;
}

/** See above. */
export class BootConfig<O extends OptionSpecs> {
  readonly #proc: Proc<O>;
  readonly #root: string;

  /** `root` is put before every path; with one no program of the system is run. */
  constructor(proc: Proc<O>, root: string) {
    this.#proc = proc;
    this.#root = root;
  }

  async run(what: string, folder: string): Promise<string> {
    if (what === "add-boot") return await this.#addBoot(folder);
    if (what === "rm-boot") return await this.#removeBoot();
    if (what === "inittab") return this.#addInittab(folder);
    if (what === "users") return await this.#addUsers();
    if (what === "rmusers") return await this.#removeUsers();
    throw new Usage(`--config=${what}: add-boot, rm-boot, inittab, users, rmusers or cert`);
  }

  #svscanboot(): string {
    const program = findProgram("svscanboot", this.#proc.env.all().PATH);
    if (program === undefined) {
      throw new Permanent("svscanboot is not in PATH: link the programs first (indimail link)");
    }
    return program;
  }

  async #command(program: string, ...args: string[]): Promise<void> {
    if (this.#root !== "") return;
    const end = await (await this.#proc.spawn({ program, args })).ended;
    if (end.code !== 0 || end.signal !== 0) throw new Permanent(`${program} ${args.join(" ")} failed`);
  }

  async #addBoot(folder: string): Promise<string> {
    const path = `${this.#root}${UNIT}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, unitText(this.#svscanboot(), folder));
    if (hasSystemd()) await this.#command("systemctl", "daemon-reload");
    await this.#command("systemctl", "enable", "svscan.service");
    return `Created ${path}\n`;
  }

  async #removeBoot(): Promise<string> {
    const path = `${this.#root}${UNIT}`;
    if (!pathExists(path)) throw new Permanent(`${path}: svscan is not started with the system`);
    await this.#command("systemctl", "disable", "svscan.service");
    Deno.removeSync(path);
    if (hasSystemd()) await this.#command("systemctl", "daemon-reload");
    return `Removed ${path}\n`;
  }

  #addInittab(folder: string): string {
    const path = `${this.#root}${INITTAB}`;
    const text = pathExists(path) ? Deno.readTextFileSync(path) : "";
    if (/^SV:/m.test(text)) return `${path} starts svscan already\n`;
    const line = `SV:345:respawn:${this.#svscanboot()} ${folder} <>/dev/console 2<>/dev/console\n`;
    Deno.writeTextFileSync(path, text.replace(/([^\n])$/, "$1\n") + line);
    return `Added svscan to ${path}\n`;
  }

  async #addUsers(): Promise<string> {
    if (groupId(GROUP) === undefined) await this.#command("groupadd", "-r", GROUP);
    if (accountByName(ACCOUNT)) return `The account ${ACCOUNT} is there already\n`;
    await this.#command("useradd", "-r", "-g", GROUP, "-d", "/nonexistent", "-s", "/usr/sbin/nologin", ACCOUNT);
    return `Created the account ${ACCOUNT}\n`;
  }

  async #removeUsers(): Promise<string> {
    if (!accountByName(ACCOUNT)) return `There is no account ${ACCOUNT}\n`;
    await this.#command("userdel", ACCOUNT);
    return `Removed the account ${ACCOUNT}\n`;
  }
}
