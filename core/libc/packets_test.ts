import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { utf8Bytes } from "../bytes.ts";
import { closeFd, openPipe } from "./fd.ts";
import { openPacketPair, PACKET_BYTES_MAX, tryReceivePacket, trySendPacket } from "./packets.ts";

Deno.test("packets arrive whole, in order, with their descriptors, until the end", () => {
  const [left, right] = openPacketPair();
  const { reading, writing } = openPipe();
  try {
    assertEquals(tryReceivePacket(right), undefined);
    assertEquals(trySendPacket(left, utf8Bytes("one")), true);
    assertEquals(trySendPacket(left, utf8Bytes("two"), [reading, writing]), true);
    const first = tryReceivePacket(right);
    assertEquals(first?.bytes, utf8Bytes("one"));
    assertEquals(first?.fds, []);
    const second = tryReceivePacket(right);
    assertEquals(second?.bytes, utf8Bytes("two"));
    assertEquals(second?.fds.length, 2);
    for (const fd of second?.fds ?? []) closeFd(fd);
    closeFd(left);
    assertEquals(tryReceivePacket(right)?.bytes.length, 0);
    assertThrows(() => trySendPacket(right, utf8Bytes("late")), Error);
  } finally {
    for (const fd of [right, reading, writing]) closeFd(fd);
  }
});

Deno.test("a packet without room is told, and none is longer than the limit", () => {
  const [left, right] = openPacketPair();
  try {
    const bytes = new Uint8Array(PACKET_BYTES_MAX).fill(65);
    let sent = 0;
    while (sent < 1000 && trySendPacket(left, bytes)) sent++;
    assertEquals(sent > 0 && sent < 1000, true);
    for (let at = 0; at < sent; at++) assertEquals(tryReceivePacket(right)?.bytes.length, PACKET_BYTES_MAX);
    assertEquals(tryReceivePacket(right), undefined);
    assertThrows(() => trySendPacket(left, new Uint8Array(PACKET_BYTES_MAX + 1)), RangeError);
  } finally {
    closeFd(left);
    closeFd(right);
  }
});
