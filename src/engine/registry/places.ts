/** Where a host keeps what it says about registries, when nobody says otherwise. */

export const hostPlaces = {
  certificateDirectories: ["/etc/docker/certs.d", "/etc/containers/certs.d", "/etc/containerd/certs.d"],
  registriesConf: ["/etc/containers/registries.conf", "/etc/containers/registries.conf.d"],
} as const;
