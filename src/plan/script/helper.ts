/**
 * What no program of Debian's does, in Perl, which every Debian has: printed into the script and explained there. It takes
 * steps as words up to `--`, then what to become.
 */
import type { Say } from "../say/mod.ts";

export function helperText(say: Say): string {
  return String.raw`# ${say("Steps that no program of Debian's does. usage: perl helper.pl MACHINE STEP... -- program words...")}
#   devices=DIRECTORY=HEX  ${say("attach this eBPF program, which says what devices may be used, to a control group (v2)")}
#   owners=FILE=PLACE, all-owners=FILE=PLACE
#                          ${say("shows the owners of what is mounted there through a user namespace: open_tree(2), mount_setattr(2), move_mount(2)")}
#   hostname=NAME, domainname=NAME
#                          ${say("the container's host name and domain name: sethostname(2), setdomainname(2)")}
#   keyring=NAME           ${say("a session keyring of its own: keyctl(2)")}
#   seccomp=FLAGS=FILE     ${say("from here on only the system calls that this filter (hexadecimal, in FILE) lets through: seccomp(2)")}
#   personality=NUMBER, memory=MODE=HEX   personality(2), set_mempolicy(2)
#   cd=DIRECTORY           ${say("goes there")}
#   session                setsid(2)
#   clear, env=NAME=VALUE  ${say("the environment of the program")}
#   init                   ${say("stay as process 1: pass signals on, take in orphans, end as the program does")}
#   close                  ${say("no descriptor but 0, 1 and 2 gets through")}
#   try=PATH               ${say("the program is the first of these that is there; without any it is the first word after --")}
my %numbers = (
  x86_64  => { close => 3, setsid => 112, personality => 135, memory => 238, keyctl => 250, seccomp => 317, bpf => 321,
               hostname => 170, domainname => 171, open_tree => 428, move_mount => 429, mount_setattr => 442 },
  aarch64 => { close => 57, setsid => 157, personality => 92, memory => 237, keyctl => 219, seccomp => 277, bpf => 280,
               hostname => 161, domainname => 162, open_tree => 428, move_mount => 429, mount_setattr => 442 },
);
my $nr = $numbers{shift()} or die "${say("the helper knows x86_64 and aarch64 only")}\n";
sub call { my ($name, @rest) = @_; my $got = syscall($nr->{$name}, @rest); die "$name: $!\n" if $got < 0; $got }
sub leave { opendir(my $all, "/proc/self/fd") or die "/proc/self/fd: $!\n"; my @all = readdir $all;
  closedir $all; for (@all) { syscall($nr->{close}, $_ + 0) if /^\d+$/ && $_ > 2 } }
my (@try, $init, $close, $env, %env);
while (defined(my $step = shift)) {
  last if $step eq "--";
  my ($verb, $rest) = split /=/, $step, 2;
  if ($verb eq "devices") {
    my ($directory, $hex) = $rest =~ /^(.*)=([0-9a-f]*)$/s;
    my $code = pack "H*", $hex; my $licence = "Apache-2.0\0";
    my $load = pack("L L P P", 15, length($code) / 8, $code, $licence) . "\0" x 96;
    my $program = call("bpf", 5, $load, length $load);
    sysopen(my $group, $directory, 0) or die "$directory: $!\n";
    my $attach = pack("L L L L", fileno $group, $program, 6, 2) . "\0" x 16;
    call("bpf", 8, $attach, length $attach);
  } elsif ($verb eq "owners" || $verb eq "all-owners") {
    my ($file, $place) = split /=/, $rest, 2; my $empty = "";
    open(my $users, "<", $file) or die "$file: $!\n";
    my $below = $verb eq "owners" ? 0 : 0x8000;
    my $mount = call("open_tree", -100, $place, 0x80001 | $below);
    my $wanted = pack "Q4", 0x100000, 0, 0, fileno $users;
    call("mount_setattr", $mount, $empty, 0x1000 | $below, $wanted, length $wanted);
    call("move_mount", $mount, $empty, -100, $place, 4);
  } elsif ($verb eq "hostname" || $verb eq "domainname") { my $name = "$rest"; call($verb, $name, length $name);
  } elsif ($verb eq "keyring") { my $name = "$rest"; call("keyctl", 1, $name);
  } elsif ($verb eq "seccomp") {
    my ($flags, $file) = split /=/, $rest, 2;
    open(my $in, "<", $file) or die "$file: $!\n"; local $/; my $code = pack "H*", <$in> =~ tr/0-9a-f//cdr;
    my $filter = pack "S x![8] P", length($code) / 8, $code;
    call("seccomp", 1, $flags + 0, $filter);
  } elsif ($verb eq "personality") { call("personality", $rest + 0);
  } elsif ($verb eq "memory") {
    my ($mode, $hex) = split /=/, $rest, 2; my $nodes = pack("H*", $hex);
    $nodes eq "" ? call("memory", $mode + 0, 0, 0) : call("memory", $mode + 0, $nodes, 8 * length($nodes) + 1);
  } elsif ($verb eq "cd") { chdir $rest or die "${say("cannot go to {0}", "$rest")}: $!\n";
  } elsif ($verb eq "session") { syscall($nr->{setsid});
  } elsif ($verb eq "clear") { $env = 1;
  } elsif ($verb eq "env") { my ($name, $value) = split /=/, $rest, 2; $env{$name} = $value;
  } elsif ($verb eq "init") { $init = 1;
  } elsif ($verb eq "close") { $close = 1;
  } elsif ($verb eq "try") { push @try, $rest;
  } else { die "${say("the helper knows no step {0}", "$step")}\n" }
}
exit 0 unless @ARGV;
leave() if $close;
if ($init) {
  my $main = fork() // die "fork: $!\n";
  if ($main) {
    for my $name (qw(HUP INT QUIT TERM USR1 USR2 WINCH)) { $SIG{$name} = sub { kill $name, $main } }
    my $status;
    while ((my $ended = wait) != -1 || $! == 4) { if ($ended == $main) { $status = $?; last } }
    exit(($status & 127) ? 128 + ($status & 127) : $status >> 8);
  }
}
$SIG{$_} = "DEFAULT" for qw(HUP INT QUIT TERM PIPE);
%ENV = %env if $env;
@try = ($ARGV[0]) unless @try;
my $denied;
# 2, 13, 20: ENOENT, EACCES, ENOTDIR
for my $path (@try) { exec { $path } @ARGV or $denied ||= $! == 13; last unless $! == 2 || $! == 13 || $! == 20 }
my $why = $denied ? "${say("permission denied")}" : "$!";
print STDERR "${say("cannot become {0}: {1} (looked for {2})", "$ARGV[0]", "$why", "@try")}\n";
exit($denied ? 126 : 127);
`;
}
