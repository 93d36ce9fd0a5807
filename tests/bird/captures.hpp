// What BIRD says on its control socket. Captured from BIRD 2.0.12 byte by byte, but for those called facts_…: these are
// written from documentation and sources of versions that do not run here.
#pragma once

namespace captures {

inline constexpr auto greeting = "0001 BIRD 2.0.12 ready.\n";
inline constexpr auto facts_greeting_2_19 = "0001 BIRD 2.19.2 ready.\n";
inline constexpr auto facts_greeting_3 = "0001 BIRD 3.3.2 ready.\n";

inline constexpr auto show_all =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-device1    Device     ---        up     06:58:52.416  \n"
    " direct1    Direct     ---        up     06:58:52.416  \n"
    " s1         Static     master4    up     06:58:52.416  \n"
    " kernel1    Kernel     master4    up     06:58:52.416  \n"
    " wgt        Kernel     igp4       up     06:58:52.416  \n"
    " paris      BGP        ---        start  06:58:52.416  Idle          \n"
    " ber-lin.x  BGP        ---        start  06:58:52.416  Idle          \n"
    "0000 \n";

inline constexpr auto show_enabled =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-paris      BGP        ---        start  06:58:52.416  Idle          \n"
    "1006-  BGP state:          Idle\n"
    "     Neighbor address: 10.8.0.1\n"
    "     Neighbor AS:      65002\n"
    "     Local AS:         65001\n"
    "   Channel ipv4\n"
    "     State:          DOWN\n"
    "     Table:          master4\n"
    "     Preference:     100\n"
    "     Input filter:   ACCEPT\n"
    "     Output filter:  ACCEPT\n"
    " \n"
    "0000 \n";

inline constexpr auto show_disabled =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-paris      BGP        ---        down   06:58:55.645  \n"
    "1006-  Message:        wgbfd: paris down (detect-timeout)\n"
    "   BGP state:          Down\n"
    "     Neighbor address: 10.8.0.1\n"
    "     Neighbor AS:      65002\n"
    "     Local AS:         65001\n"
    "   Channel ipv4\n"
    "     State:          DOWN\n"
    "     Table:          master4\n"
    "     Preference:     100\n"
    " \n"
    "0000 \n";

inline constexpr auto disabled = "0009-paris: disabled\n0000 \n";
inline constexpr auto already_disabled = "0008-paris: already disabled\n0000 \n";
inline constexpr auto enabled = "0011-paris: enabled\n0000 \n";
inline constexpr auto already_enabled = "0010-paris: already enabled\n0000 \n";
inline constexpr auto unknown_name =
    "9001 syntax error, unexpected CF_SYM_UNDEFINED, expecting END or CF_SYM_KNOWN or TEXT\n";
inline constexpr auto unknown_pattern = "8003 No protocols match\n";
inline constexpr auto restricted = "8007 Access denied\n";
inline constexpr auto unknown_constant = "9001 syntax error, unexpected CF_SYM_UNDEFINED\n";
inline constexpr auto configure_status = "0003-Daemon is up and running\n0000 \n";
inline constexpr auto configure_on_trial =
    "0003-Daemon is up and running\n0022-Configuration unconfirmed, undo in 29.994 s\n0000 \n";
inline constexpr auto configure_check = "0002-Reading configuration from bird.conf\n0020 Configuration OK\n";
inline constexpr auto configure_error = "0002-Reading configuration from bird.conf\n8002 bird.conf:5:1 syntax error\n";
inline constexpr auto reconfigured = "0002-Reading configuration from bird.conf\n0003 Reconfigured\n";

// BIRD 3 has the same table in another order of protocols, and may put words between.
inline constexpr auto facts_show_3 =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-kernel1    Kernel     master4    up     2026-07-01 10:00:00.123  \n"
    " paris      BGP        ---        up     2026-07-01 10:00:03.456  Established   \n"
    "1006-  Created:            2026-07-01 10:00:00.123\n"
    "   BGP state:          Established\n"
    " \n"
    " device1    Device     ---        up     2026-07-01 10:00:00.123  \n"
    "0000 \n";

// `show protocols` of a BIRD with sessions over link-local addresses, over a /30, over several hops and with a range,
// OSPF in both versions, one of them disabled, and Babel.
inline constexpr auto show_neighbors =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-device1    Device     ---        up     09:38:09.230  \n"
    " to_b       BGP        ---        up     09:38:09.999  Established   \n"
    " to_d       BGP        ---        up     09:38:10.009  Established   \n"
    " to_m       BGP        ---        up     09:38:10.013  Established   \n"
    " to_c       BGP        ---        start  09:37:52.266  Passive       \n"
    " to_x       BGP        ---        start  09:37:52.266  Active        \n"
    " o2         OSPF       master4    up     09:38:09.230  Running\n"
    " o3         OSPF       master6    up     09:38:09.230  Running\n"
    " o9         OSPF       master6    down   09:38:09.230  \n"
    " ba         Babel      ---        up     09:38:09.230  \n"
    "0000 \n";

inline constexpr auto bgp_link_local =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-to_b       BGP        ---        up     09:38:09.999  Established   \n"
    "1006-  BGP state:          Established\n"
    "     Neighbor address: fe80::2%d0\n"
    "     Neighbor AS:      65002\n"
    "     Local AS:         65001\n"
    "     Neighbor ID:      10.0.0.2\n"
    "     Local capabilities\n"
    "       Multiprotocol\n"
    "         AF announced: ipv4 ipv6\n"
    "       Extended next hop\n"
    "         IPv6 nexthop: ipv4\n"
    "     Session:          external AS4\n"
    "     Source address:   fe80::1\n"
    "     Hold timer:       197.601/240\n"
    "     Keepalive timer:  67.464/80\n"
    "   Channel ipv4\n"
    "     State:          UP\n"
    "     Table:          master4\n"
    "     BGP Next hop:   :: fe80::1\n"
    " \n"
    "0000 \n";

inline constexpr auto bgp_direct =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-to_d       BGP        ---        up     09:38:10.009  Established   \n"
    "1006-  BGP state:          Established\n"
    "     Neighbor address: 10.0.1.2\n"
    "     Neighbor AS:      65002\n"
    "     Session:          external AS4\n"
    "     Source address:   10.0.1.1\n"
    "   Channel ipv4\n"
    "     State:          UP\n"
    "     BGP Next hop:   10.0.1.1\n"
    " \n"
    "0000 \n";

inline constexpr auto bgp_multihop =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-to_m       BGP        ---        up     09:38:10.013  Established   \n"
    "1006-  BGP state:          Established\n"
    "     Neighbor address: 10.0.2.2\n"
    "     Session:          external multihop AS4\n"
    "     Source address:   10.0.2.1\n"
    " \n"
    "0000 \n";

inline constexpr auto bgp_range =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-to_c       BGP        ---        start  09:37:52.266  Passive       \n"
    "1006-  BGP state:          Passive\n"
    "     Neighbor range:   10.0.0.0/24\n"
    "     Neighbor AS:      0\n"
    " \n"
    "0000 \n";

inline constexpr auto bgp_waiting =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-to_x       BGP        ---        start  09:37:52.266  Active        \n"
    "1006-  BGP state:          Active\n"
    "     Neighbor address: fe80::b%d0\n"
    "     Neighbor AS:      65002\n"
    "     Connect delay:    2.137/5\n"
    " \n"
    "0000 \n";

inline constexpr auto ospf2_neighbors =
    "1013-o2:\n"
    " Router ID   \tPri\t     State     \tDTime\tInterface  Router IP\n"
    " 10.0.0.2    \t  1\tFull/PtP  \t 3.892\td0         10.0.1.2\n"
    "0000 \n";

inline constexpr auto ospf3_neighbors =
    "1013-o3:\n"
    " Router ID   \tPri\t     State     \tDTime\tInterface  Router IP\n"
    " 10.0.0.2    \t  1\tFull/PtP  \t 3.892\td0         fe80::2\n"
    "0000 \n";

inline constexpr auto ospf_not_up = "1013-o9: is not up\n0000 \n";
inline constexpr auto ospf_of_another = "9001 to_b: Not a OSPF protocol\n";

// BIRD 3 tells the date with the time.
inline constexpr auto facts_bgp_3 =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-paris      BGP        ---        up     2026-07-01 10:00:03.456  Established   \n"
    "1006-  Created:            2026-07-01 10:00:00.123\n"
    "   BGP state:          Established\n"
    "     Neighbor address: fe80::2%wg0\n"
    "     Neighbor AS:      65002\n"
    "     Session:          external AS4\n"
    "     Source address:   fe80::1\n"
    " \n"
    "0000 \n";

// A table with its columns in another order.
inline constexpr auto facts_ospf_other_order =
    "1013-o2:\n"
    " Router ID   \tPri\t     State     \tDTime\tRouter IP       \tInterface\n"
    " 10.0.0.2    \t  1\tAttempt/Other\t 3.892\t10.0.1.2        \td0\n"
    " 10.0.0.3    \t  1\t2-Way/Other\t 3.892\t10.0.1.3        \td0\n"
    "0000 \n";

}  // namespace captures
