/*
 * The function of every op, by the file that holds it. Each returns 0, or -1 after `fail`. None calls back into what
 * performs the plan (start.c).
 */
#ifndef TIFFIN_OPS_H
#define TIFFIN_OPS_H

#include "failure.h"
#include "slots.h"
#include "start.h"

/* perform.c: the op of the current process that has this header. */
int perform(struct start *s, const struct abi_op_header *op);

/* mount.c */
int perform_fs_mount(struct start *s, const struct op_fs_mount *op);
int perform_reconfigure(struct start *s, const struct op_reconfigure *op);
int perform_open_tree(struct start *s, const struct op_open_tree *op);
int perform_mount_setattr(struct start *s, const struct op_mount_setattr *op);
int perform_move_mount(struct start *s, const struct op_move_mount *op);
int perform_umount(struct start *s, const struct op_umount *op);
int perform_pivot_root(struct start *s, const struct op_pivot_root *op);
int perform_move_root(struct start *s, const struct op_move_root *op);
int perform_chroot(struct start *s, const struct op_chroot *op);

/* cover.c */
int perform_mask_path(struct start *s, const struct op_mask_path *op);
int perform_readonly_path(struct start *s, const struct op_readonly_path *op);

/* files.c */
int perform_open(struct start *s, const struct op_open *op);
int perform_close(struct start *s, const struct op_close *op);
int perform_mkdir(struct start *s, const struct op_mkdir *op);
int perform_symlink(struct start *s, const struct op_symlink *op);
int perform_mknod(struct start *s, const struct op_mknod *op);
int perform_create_file(struct start *s, const struct op_create_file *op);
int perform_write(struct start *s, const struct op_write *op);

/* namespace.c */
int perform_setns(struct start *s, const struct op_setns *op);
int perform_unshare(struct start *s, const struct op_unshare *op);
int perform_clone(struct start *s, const struct op_clone *op);
int perform_id_map(struct start *s, const struct op_id_map *op);
int perform_set_hostname(struct start *s, const struct op_set_hostname *op);
int perform_set_domainname(struct start *s, const struct op_set_domainname *op);

/* peer.c */
int perform_signal_peer(struct start *s, const struct op_signal_peer *op);
int perform_await_peer(struct start *s, const struct op_await_peer *op);
int perform_sync(struct start *s, const struct op_sync *op);

/* stdio.c */
int perform_pty(struct start *s, const struct op_pty *op);
int perform_pipe(struct start *s, const struct op_pipe *op);
int perform_dup2(struct start *s, const struct op_dup2 *op);
int perform_close_from(struct start *s, const struct op_close_from *op);

/* identity.c */
int perform_set_groups(struct start *s, const struct op_set_groups *op);
int perform_set_ids(struct start *s, const struct op_set_ids *op);
int perform_set_capabilities(struct start *s, const struct op_set_capabilities *op);
int perform_drop_bounding(struct start *s, const struct op_drop_bounding *op);
int perform_keyring(struct start *s, const struct op_keyring *op);
int perform_prctl(struct start *s, const struct op_prctl *op);

/* process.c */
int perform_setsid(struct start *s);
_Noreturn void perform_finish(struct start *s);
int perform_set_rlimit(struct start *s, const struct op_set_rlimit *op);
int perform_umask(struct start *s, const struct op_umask *op);
int perform_chdir(struct start *s, const struct op_chdir *op);
int perform_seccomp(struct start *s, const struct op_seccomp *op);
int perform_exec(struct start *s, const struct op_exec *op);

/* hold.c */
int perform_find_program(struct start *s, const struct op_find_program *op);
int perform_await_start(struct start *s, const struct op_await_start *op);
/* Tells who started the held child that it failed. Nothing without such a caller. */
void hold_report_failure(struct start *s);

/* listener-fd.c */
int perform_pass_listener(struct start *s, const struct op_pass_listener *op);

/* adopt.c */
int perform_listen(struct start *s, const struct op_listen *op);
int perform_run(struct start *s, const struct op_run *op);
int perform_adopt(struct start *s, const struct op_adopt *op);
/* Once the child's program runs, which is another runtime: takes over what that has started. */
int adopt_process(struct start *s);

/* copy.c */
int perform_copy_tree(struct start *s, const struct op_copy_tree *op);
int perform_copy_mode(struct start *s, const struct op_copy_mode *op);

/* hook.c */
int perform_hook(struct start *s, const struct op_hook *op);

/* scheduling.c */
int perform_personality(struct start *s, const struct op_personality *op);
int perform_set_scheduler(struct start *s, const struct op_set_scheduler *op);
int perform_set_io_priority(struct start *s, const struct op_set_io_priority *op);
int perform_set_affinity(struct start *s, const struct op_set_affinity *op);
int perform_set_memory_policy(struct start *s, const struct op_set_memory_policy *op);

/* network.c */
int perform_loopback_up(struct start *s);

/* init.c */
int perform_init(struct start *s);

#endif
