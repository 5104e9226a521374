/**
 * The connected unix stream socket that the synchronous transport runs on. The program gives it one made from
 * system calls; the client knows nothing of how.
 */
export interface SyncSocket {
  /** For poll(2), while the socket is open. */
  readonly fd: number;
  /** Blocks until there is something; 0 is the end. Throws an error with the errno name as `code`. */
  read(into: Uint8Array): number;
  /** Blocks until all of it is in the kernel's hands. Throws an error with the errno name as `code`. */
  write(bytes: Uint8Array): void;
  /** Half-close: the peer reads an end, its bytes still arrive here. */
  shutdownWrite(): void;
  close(): void;
}

/** Connects to the socket at a path. Throws an error with the errno name as `code`. */
export type ConnectSync = (path: string) => SyncSocket;
