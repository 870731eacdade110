import { runTranscript } from "/work/main/tests/applets/run_transcript.ts";
for (const n of Deno.args) Deno.test(n, () => runTranscript(Deno.readTextFileSync(`/work/main/tests/applets/${n}.txt`)));
