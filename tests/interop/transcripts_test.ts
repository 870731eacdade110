/**
 * Runs the transcripts of tests/applets that name peers with the programs of those names that Debian ships in place of
 * ours: what we expect of our programs must be true of theirs, but for the steps that say why they differ.
 */
import { runTranscript, transcriptsIn } from "../applets/run_transcript.ts";
import { peersOf } from "../applets/transcript.ts";

const FOLDERS = ["/usr/bin", "/usr/sbin", "/usr/games", "/usr/lib/courier", "/bin", "/sbin"];

function programPath(name: string): string | undefined {
  for (const folder of FOLDERS) {
    try {
      if (Deno.statSync(`${folder}/${name}`).isFile) return `${folder}/${name}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

for (const { name, text } of transcriptsIn(new URL("../applets/", import.meta.url).pathname)) {
  const names = peersOf(text);
  if (names.length === 0) continue;
  const peers = new Map<string, string>();
  for (const peer of names) {
    const path = programPath(peer);
    if (path === undefined) console.error(`SKIPPED: the transcript ${name} with ${peer}, which is not installed`);
    else peers.set(peer, path);
  }
  Deno.test({
    name: `${names.join(", ")} of Debian do what the transcript ${name} says`,
    ignore: peers.size < names.length,
    fn: () => runTranscript(text, { peers }),
  });
}
