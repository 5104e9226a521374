/** Where an image goes. */
export interface ImageSink {
  /** The next bytes of the file, a multiple of the block size. A view that is valid only during the call. */
  append(bytes: Uint8Array): void;
  /** Other bytes in the place of some that were appended. */
  patch(offset: number, bytes: Uint8Array): void;
}
