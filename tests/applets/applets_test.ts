/** Runs every transcript of this folder with our programs; what that means stands in run_transcript.ts. */
import { hasRuntime, runTranscript, transcriptsIn } from "./run_transcript.ts";
import { runtimeOf } from "./transcript.ts";

for (const { name, text } of transcriptsIn(new URL(".", import.meta.url).pathname)) {
  const least = runtimeOf(text);
  const ignore = least !== undefined && !hasRuntime(least);
  if (ignore) console.error(`SKIPPED: the transcript ${name} needs a base runtime of Deno ${least.join(".")}`);
  Deno.test({ name: `the programs do what the transcript ${name} says`, ignore, fn: () => runTranscript(text) });
}
