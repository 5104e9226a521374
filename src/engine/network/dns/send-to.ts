const mostTries = 5;

/**
 * A socket is told at its next send what became of an earlier one, maybe to somebody who has gone since: so once more.
 * False: it is refused again and again. What goes by UDP may be lost, so that is not worth a word.
 */
export function sendTo(
  socket: Bun.udp.Socket<"buffer">,
  message: Uint8Array,
  port: number,
  address: string,
): boolean {
  for (let tries = 1; tries <= mostTries; tries += 1) {
    try {
      socket.send(message, port, address);
      return true;
    } catch {}
  }
  return false;
}
