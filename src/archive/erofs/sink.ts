/** Where an image goes. */

export const segmentBytes = 1024 * 1024;

export interface ImageSink {
  /** The next bytes of the file: whole segments, except at the end. A view that is valid only during the call. */
  append(bytes: Uint8Array): void;
  /** Other bytes in the place of some that were appended. */
  patch(offset: number, bytes: Uint8Array): void;
}
