/** Runs every transcript of this folder with our programs; what that means stands in run_transcript.ts. */
import { runTranscript, transcriptsIn } from "./run_transcript.ts";

for (const { name, text } of transcriptsIn(new URL(".", import.meta.url).pathname)) {
  Deno.test(`the programs do what the transcript ${name} says`, () => runTranscript(text));
}
