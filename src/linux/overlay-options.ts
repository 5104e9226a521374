/**
 * How every overlay of ours is mounted, whatever the kernel was built or told to do by default: an upper directory then holds whole
 * files under their own names, and can be read without the overlay. (Documentation/filesystems/overlayfs.rst)
 */
export const overlayOptions: readonly string[] = [
  // With an index, the kernel would refuse an upper directory whose copy lies elsewhere.
  "index=off",
  // A renamed directory would have its content elsewhere; programs that rename one copy it instead, as between file systems.
  "redirect_dir=nofollow",
  // A file of which only the owner was changed would hold nothing.
  "metacopy=off",
];
