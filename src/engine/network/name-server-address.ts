/**
 * Where all name servers listen, each on a port of its own: an address of the host's loopback that no other program is likely to
 * have, so that a rule in somebody's firewall can mean it and nothing else. Containers are led there from their gateway;
 * what they send to it themselves is dropped, like all that they send to the host's loopback.
 */
import { formatIpv4 } from "../../linux/netlink/ipv4.ts";

export const nameServerAddress = 0x7f74_666e;
export const nameServerHost = formatIpv4(nameServerAddress);
