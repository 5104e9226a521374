/** Which layers of a chain make a difference to what is seen. Pure. */

/** The layer of an archive that holds nothing. */
const emptyLayer = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/**
 * Uppermost first. A layer that is in the chain twice counts where it is uppermost: all that it says is said there, and overlayfs
 * takes none twice. One that holds nothing says nothing.
 */
export function seenLayers(chain: readonly string[]): string[] {
  return [...new Set(chain.toReversed())].filter((id) => id !== emptyLayer);
}
