/**
 * One question of the original's protocol: read, answered by the source, closed. Shadow entries only for root; what
 * cannot be answered is "not found", as a client knows nothing else [man nssd.8].
 */
import { errorText, Permanent } from "../../core/errors.ts";
import type { NameSource } from "./name_source.ts";
import { type Peer, readExactly } from "./peer_server.ts";
import { formatAnswer, HEAD_BYTES, type NameQuery, parseKey, parseQuestionHead } from "./protocol.ts";

/** What a session needs. */
export interface QuestionBackend {
  readonly source: Pick<NameSource, "ask">;
  readonly log: (level: "alert" | "debug", text: string) => void;
}

/** Serves a connection. */
export async function serveQuestion(peer: Peer, backend: QuestionBackend): Promise<void> {
  let question: { readonly query: NameQuery; readonly key: string } | undefined;
  try {
    const head = await readExactly(peer, HEAD_BYTES);
    if (!head) return;
    const { query, keyBytes } = parseQuestionHead(head);
    const key = await readExactly(peer, keyBytes);
    if (key) question = { query, key: parseKey(key) };
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    backend.log("alert", `uid ${peer.uid}: ${error.message}`);
  }
  await peer.write(formatAnswer(question ? await answer(question, peer, backend) : []));
}

async function answer(
  { query, key }: { readonly query: NameQuery; readonly key: string },
  peer: Peer,
  { source, log }: QuestionBackend,
): Promise<readonly (readonly string[])[]> {
  if ((query === "shadowByName" || query === "shadowAll") && peer.uid !== 0) {
    log("debug", `uid ${peer.uid} may not ask for shadow entries`);
    return [];
  }
  try {
    return await source.ask(query, key);
  } catch (error) {
    log("alert", `${query} ${JSON.stringify(key)}: ${errorText(error)}`);
    return [];
  }
}
