/**
 * minisvc --resolvconf: services ask the resolver of this host (dnscache) and other programs do not. svscan, in a mount
 * namespace of its own, gets a resolv.conf mounted over the system's, and a service that mounts it again when the system
 * has written its own [man minisvc.9].
 */
import { Permanent } from "../../../core/errors.ts";
import { pathExists } from "../../../core/path_exists.ts";
import { makeService, type ServiceDesign, writeScript } from "./service_maker.ts";

const SERVICE = "resolvconf";
const DNSCACHE = "dnscache";
const UNSHARE = "/usr/bin/unshare";
const SYSTEM_FILE = "/etc/resolv.conf";
const OUR_FILE = "resolv.conf";

/** What the scripts are made of. */
export interface ResolvConfDesign
  extends Pick<ServiceDesign, "folder" | "logFolder" | "logAccount" | "made" | "isDown"> {
  /** Folder of our resolv.conf. */
  readonly settings: string;
  readonly hostName: string;
}

/** Throws Permanent when svscan could not use it. */
export function checkResolvConf(folder: string): void {
  if (!pathExists(UNSHARE)) throw new Permanent(`--resolvconf needs ${UNSHARE}`);
  if (!pathExists(`${folder}/${DNSCACHE}/run`)) {
    throw new Permanent(`--resolvconf needs the service ${folder}/${DNSCACHE}: what answers on 127.0.0.1`);
  }
}

/** Writes resolv.conf, .svscan/run, .svscan/shutdown and the service; the folder of the service. A resolv.conf of the operator's stays. */
export function makeResolvConf(design: ResolvConfDesign): string {
  const ours = `${design.settings}/${OUR_FILE}`;
  if (!pathExists(ours)) {
    Deno.mkdirSync(design.settings, { recursive: true });
    Deno.writeTextFileSync(ours, `search ${design.hostName}\nnameserver 127.0.0.1\n`);
  }
  const own = `${design.folder}/.svscan`;
  const isPrivate = `[ -n "$UNSHARE" ] && [ -f ${ours} ]`;
  writeScript(
    `${own}/run`,
    ["exec 2>&1", `if ${isPrivate}; then mount --bind ${ours} ${SYSTEM_FILE}; fi`],
    design.made,
  );
  writeScript(`${own}/shutdown`, ["exec 2>&1", `if ${isPrivate}; then umount ${SYSTEM_FILE}; fi`], design.made);
  return makeService({
    ...design,
    name: SERVICE,
    // the shell and the pipe end together: they are a process group of their own
    command: `pgrphack sh -c '
trap "trap - TERM; kill 0" TERM
file=$(realpath ${SYSTEM_FILE})
inotify -n "\${file%/*}" | while read kind name event; do
  case "$name $event" in
    "$file closed" | "$file newname "*) ;;
    *) continue ;;
  esac
  umount ${SYSTEM_FILE} 2>/dev/null
  mount --bind ${ours} ${SYSTEM_FILE} || continue
  echo "${SYSTEM_FILE} was written: mounted ${ours} again"
done &
wait'`,
    force: true,
  });
}
