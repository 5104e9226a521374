/**
 * The units under which systemd runs the engine, for `tiffin system service install` and for packages. Pure.
 *
 * - The socket is systemd's, so clients wait while the engine is replaced, and the first of them starts it.
 * - `KillMode=process` and `Delegate=yes`: containers outlive the engine, and systemd leaves their control groups alone.
 * - The engine starts at boot by itself, too: containers with restart policies wait for no client.
 */
export const socketUnitName = "tiffin.socket";
export const serviceUnitName = "tiffin.service";

/** Tells a unit that `install` has written from anybody else's. */
export const unitMark = "# Written by: tiffin system service install";

export function socketUnit(): string {
  return `[Unit]
Description=Socket of the Tiffin container engine
Documentation=man:tiffin-daemon(8)

[Socket]
ListenStream=/run/tiffin.sock
SocketMode=0660
SocketUser=root
SocketGroup=tiffin
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
`;
}

export function serviceUnit(program: string): string {
  return `[Unit]
Description=Tiffin container engine
Documentation=man:tiffin-daemon(8) man:tiffin.json(5)
After=network-online.target nss-lookup.target firewalld.service ${socketUnitName}
Wants=network-online.target
Requires=${socketUnitName}
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=notify
ExecStart=${quoted(program)} daemon
ExecReload=/bin/sh -c 'kill -HUP $MAINPID'
Restart=on-failure
RestartSec=1
TimeoutStartSec=90
TimeoutStopSec=30
KillMode=process
Delegate=yes
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`;
}

/** The program of a command line in a unit, where nothing but specifiers is expanded: systemd.service(5). */
function quoted(word: string): string {
  const kept = word.replaceAll("%", "%%");
  return /^[\w./%+-]+$/.test(kept) ? kept : `"${kept.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
